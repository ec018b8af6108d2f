import type { ArchiveFile } from "../files/archive-file";
import type { Compression } from "./compression";
import { zstdContentSize } from "./zstd-windows";

/**
 * The least bytes that files have when they are unpacked, to say at once that they will not fit: their own, or what the
 * compression says. gzip's trailer counts modulo 2^32 (RFC 1952) and is none where zeros pad the file, so it says too
 * little at most; zstd's first frame may have its size (RFC 8878). Neither can be too large in a file that is sound, since
 * a decoder refuses it otherwise; and nothing is safe for what they say: limit and free space are looked at again while
 * the file is written.
 */
export async function leastUnpackedSize(files: readonly ArchiveFile[], compression?: Compression): Promise<number> {
    const packed = files.reduce((sum, { size }) => sum + size, 0);
    const [first, last] = [files[0], files.at(-1)];
    if (compression === "gzip" && last !== undefined && last.size >= 4) {
        const trailer = Buffer.alloc(4);
        await last.readInto(trailer, last.size - 4);
        return Math.max(packed, trailer.readUInt32LE());
    }
    if (compression === "zstd" && first !== undefined && first.size >= 18) {
        const header = Buffer.alloc(18);
        await first.readInto(header, 0);
        return Math.max(packed, zstdContentSize(header) ?? 0);
    }
    return packed;
}
