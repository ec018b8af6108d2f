import { MAGIC_BYTES, compressionIn } from "./compression";
import { undecodable, unpacking } from "./unpacking";

/**
 * The plain bytes of a stream that may be compressed with gzip or zstd, in constant memory; a plain one passes as it is.
 * @param archive what the stream is called in errors
 * @throws ArchiveError `ARCHIVE_TRUNCATED`, `ARCHIVE_CORRUPT`, `ARCHIVE_FORMAT_UNSUPPORTED` (xz, bzip2, zstd with a window
 * above 64 MiB); what the stream itself throws
 */
export async function* unpackedStream(packed: AsyncIterable<Buffer>, archive: string): AsyncGenerator<Buffer> {
    const source = packed[Symbol.asyncIterator]();
    let start: Buffer = Buffer.alloc(0);
    try {
        while (start.length < MAGIC_BYTES) {
            const { done, value } = await source.next();
            if (done === true) break;
            start = Buffer.concat([start, value]);
        }
        const compression = compressionIn(start);
        if (compression === "xz" || compression === "bzip2") {
            const program = compression === "xz" ? "unxz" : "bunzip2";
            throw undecodable(archive, compression, `decompress it on its way: ${program} < <file> | …`);
        }
        const whole = joined(start, source);
        yield* compression === undefined ? whole : unpacking(whole, compression, archive);
    } finally {
        // It waits for the next bytes of a pipe, which may never come.
        void source.return?.().catch(() => undefined);
    }
}

async function* joined(start: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
    if (start.length > 0) yield start;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
