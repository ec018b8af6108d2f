import { ArchiveError } from "../../errors/errors";
import type { OpenFile } from "../files/archive-file";
import type { TarEntry } from "./entry";
import { indexTar } from "./index-tar";
import { TarEntries } from "./tar-entries";

/** The entries of a tar that is not oc-mirror's: few enough to keep them all. */
export interface TarListing {
    /** By name, without folders. */
    readonly entries: TarEntries;
    readonly warnings: readonly string[];
}

/**
 * Lists a tar of unknown format. Of two entries with one name the first counts; they must be of the same size, and
 * whoever reads one checks its digest. Archives of oc-mirror have too many links to list: for them the answer is just
 * "oc-mirror". @throws ArchiveError
 */
export async function indexTarNames(file: OpenFile, signal?: AbortSignal): Promise<TarListing | "oc-mirror"> {
    const entries = new TarEntries();
    let isOcMirror = false;
    const { warnings } = await indexTar(
        file,
        (entry, reader) => {
            isOcMirror ||= entry.name.startsWith("docker/registry/v2/") || isImageSet(entry.name);
            if (isOcMirror || entry.type === "folder") return undefined;
            const known = entries.add(entry);
            if (known === undefined) return undefined;
            return checkSame(file, known, entry, (found) => reader.read(found.offset, found.size));
        },
        signal === undefined ? {} : { signal },
    );
    return isOcMirror ? "oc-mirror" : { entries, warnings };
}

function isImageSet(name: string): boolean {
    return name.startsWith("isc_") && !name.includes("/");
}

/** Metadata has no digest to decide which of two is meant, so it must be the same; blobs have. */
const MAX_COMPARED_BYTES = 20 * 1024 * 1024;

async function checkSame(
    file: OpenFile,
    known: TarEntry,
    entry: TarEntry,
    read: (entry: TarEntry) => Promise<Buffer>,
): Promise<void> {
    const isBlob = /(^|\/)blobs\/sha256\//.test(entry.name);
    const isSameSize = known.size === entry.size && known.type === entry.type;
    if (isSameSize && (isBlob || entry.size > MAX_COMPARED_BYTES)) return;
    const bytes = Buffer.from(isSameSize ? await read(entry) : []);
    if (isSameSize && bytes.equals(await read(known))) return;
    throw new ArchiveError(`another entry of this name, at offset ${known.offset}, has other content`, {
        archive: file.path,
        entry: entry.name,
        offset: entry.offset,
        code: "ARCHIVE_ENTRY_INVALID",
        fix: "pack the archive again from its folder instead of adding to it",
    });
}
