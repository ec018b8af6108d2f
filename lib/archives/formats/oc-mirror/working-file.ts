import { ArchiveError } from "../../../errors/errors";
import type { OpenFile } from "../../files/archive-file";
import { type BlobLocation, readChunks } from "../../files/archive-source";

/** A file of oc-mirror's working folder, read when its content is asked for. */
export interface WorkingFile extends BlobLocation {
    /** The entry: `working-dir/…`. */
    readonly name: string;
    readonly file: OpenFile;
}

/** The files of any release of oc-mirror that name images, releases and catalogs. */
const TELLING = [
    /^working-dir\/hold-release\/.+\/release-manifests\/(image-references|release-metadata|0000_50_installer_coreos-bootimages\.yaml)$/,
    /^working-dir\/hold-release\/cincinnati-graph-data\/[^/]+\.json$/,
    /^working-dir\/signatures\/[^/]+-sha256-[0-9a-f]{64}$/,
    /^working-dir\/operator-catalogs\/[^/]+\/[0-9a-f]{64}\/(catalog-config|filtered-catalogs\/[0-9a-f]{32}\/catalog-config)\/.+$/,
    /^working-dir\/operator-catalogs\/[^/]+\/[0-9a-f]{64}\/filtered-catalogs\/[0-9a-f]{32}\/digest$/,
    // 4.16 and 4.17.
    /^working-dir\/hold-operator\/.+$/,
];

/** Small files only: a graph of all channels has a few MB. */
const MAX_TEXT_BYTES = 64 * 1024 * 1024;

/** True for an entry of the archive that names of images can be read from. */
export function isWorkingFile(name: string): boolean {
    return name.startsWith("working-dir/") && TELLING.some((pattern) => pattern.test(name));
}

/** A small file whole. @throws ArchiveError `ARCHIVE_TOO_LARGE`, and as `ArchiveFile.readInto` does */
export async function readWorkingFile(file: WorkingFile): Promise<Buffer> {
    if (file.size > MAX_TEXT_BYTES) {
        throw new ArchiveError(`${file.size} bytes are too many for such a file (${MAX_TEXT_BYTES} at most)`, {
            archive: file.file.path,
            entry: file.name,
            offset: file.offset,
            code: "ARCHIVE_TOO_LARGE",
            fix: "mirror again into an empty folder",
        });
    }
    const bytes = Buffer.allocUnsafeSlow(file.size);
    await file.file.readInto(bytes, file.offset, file.name);
    return bytes;
}

/** A file of any size in pieces, each in the memory of the one before. */
export function workingChunks(file: WorkingFile): AsyncGenerator<Buffer> {
    let memory = Buffer.alloc(0);
    return readChunks(file, 0, file.name, (size) => {
        if (memory.length < size) memory = Buffer.allocUnsafeSlow(size);
        return memory.subarray(0, size);
    });
}
