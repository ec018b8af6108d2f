import { statfs } from "node:fs/promises";
import { ArchiveError, errorMessage } from "../../errors/errors";

/** Left for others on the disk. */
const RESERVE = 64 * 1024 ** 2;

/**
 * @param wanted bytes that will be written at least
 * @throws ArchiveError `ARCHIVE_NO_SPACE` if there is less room for a temporary file in the folder
 */
export async function checkFree(folder: string, archive: string, wanted: number): Promise<void> {
    const facts = await statfs(folder).catch((cause: unknown) => {
        throw noSpace(archive, folder, `its free space cannot be determined: ${errorMessage(cause)}`, cause);
    });
    const free = facts.bavail * facts.bsize;
    if (free >= wanted + RESERVE) return;
    throw noSpace(archive, folder, `${free} bytes are free there, at least ${wanted + RESERVE} are needed`);
}

/** The error for a temporary file that does not fit. */
export function noSpace(archive: string, folder: string, what: string, cause?: unknown): ArchiveError {
    return new ArchiveError(`it must be unpacked to a temporary file in ${folder}: ${what}`, {
        archive,
        code: "ARCHIVE_NO_SPACE",
        fix:
            "set TMPDIR to a folder with room for the unpacked archive, unpack it yourself and give the plain tar, or import " +
            "it without a copy of it: passthrough import - (docs/archives.md#streams)",
        cause,
    });
}
