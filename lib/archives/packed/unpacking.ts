import { Readable, pipeline } from "node:stream";
import { ArchiveError, errorMessage } from "../../errors/errors";
import { COPY_AGAIN } from "../files/archive-file";
import type { Compression } from "./compression";
import { decompressor, isUnexpectedEnd } from "./decompressor";
import { PassedBuffers } from "./passed-buffers";
import { unzstdApart } from "./zstd-thread";
import { withinWindows } from "./zstd-windows";

/**
 * The plain bytes of compressed ones, in constant memory.
 * @param archive what it is called in errors
 * @throws ArchiveError `ARCHIVE_TRUNCATED`, `ARCHIVE_CORRUPT`, `ARCHIVE_FORMAT_UNSUPPORTED` (zstd with a window above
 * 64 MiB); what the compressed bytes themselves throw
 */
export async function* unpacking(
    packed: AsyncIterable<Buffer>,
    compression: "gzip" | "zstd",
    archive: string,
): AsyncGenerator<Buffer> {
    let failure: { readonly of: unknown } | undefined;
    const noted = noting(packed, (of) => (failure = { of }));
    const buffers = new PassedBuffers();
    try {
        const plain =
            compression === "zstd" ? unzstdApart(withinWindows(noted, { archive })) : gunzipped(noted, archive);
        for await (const piece of plain) {
            yield piece;
            buffers.passed(piece.length);
        }
    } catch (cause) {
        // What brings the bytes failed, and not the unpacking of them.
        if (failure !== undefined) throw failure.of;
        throw cause instanceof ArchiveError ? cause : damaged(archive, compression, cause);
    }
}

async function* gunzipped(packed: AsyncIterable<Buffer>, archive: string): AsyncGenerator<Buffer> {
    const plain = decompressor("gzip", { archive });
    // Its errors are those that the reader of `plain` gets.
    pipeline(Readable.from(packed), plain, () => undefined);
    yield* plain as AsyncIterable<Buffer>;
}

async function* noting(packed: AsyncIterable<Buffer>, failed: (error: unknown) => void): AsyncGenerator<Buffer> {
    try {
        yield* packed;
    } catch (error) {
        failed(error);
        throw error;
    }
}

function damaged(archive: string, compression: Compression, cause: unknown): ArchiveError {
    const isCut = isUnexpectedEnd(cause);
    const what = isCut ? "the archive is truncated" : `cannot be unpacked as ${compression}`;
    const code = isCut ? "ARCHIVE_TRUNCATED" : "ARCHIVE_CORRUPT";
    return new ArchiveError(`${what}: ${errorMessage(cause)}`, { archive, code, fix: COPY_AGAIN, cause });
}

/** The error for a compression that is only recognised. */
export function undecodable(archive: string, compression: "xz" | "bzip2", fix: string): ArchiveError {
    const facts = { archive, code: "ARCHIVE_FORMAT_UNSUPPORTED" as const, fix };
    return new ArchiveError(`the file is compressed with ${compression}, which is not unpacked here`, facts);
}
