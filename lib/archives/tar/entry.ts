import { ArchiveError } from "../../errors/errors";
import type { OpenFile } from "../files/archive-file";

export type TarEntryType = "file" | "folder" | "link" | "symlink" | "sparse" | "device" | "other";

/** Where an entry of a tar lies. */
export interface TarEntry {
    /** Relative, without a leading `./` and a trailing `/`. */
    readonly name: string;
    /** Of the body's first byte in the file. */
    readonly offset: number;
    /** Bytes of the body as it lies in the file. */
    readonly size: number;
    readonly type: TarEntryType;
    /** The target of a link or symlink, as written. */
    readonly linkname?: string;
}

/** Only of a regular file the bytes at its offset are the content. @throws ArchiveError `ARCHIVE_ENTRY_INVALID` */
export function requireFile(file: OpenFile, entry: TarEntry): void {
    if (entry.type === "file") return;
    const fix = "pack the archive again without links and sparse files, or copy the original";
    const place = { archive: file.path, entry: entry.name, offset: entry.offset };
    const what = `a ${entry.type} entry stands where a regular file must be`;
    throw new ArchiveError(what, { ...place, code: "ARCHIVE_ENTRY_INVALID", fix });
}
