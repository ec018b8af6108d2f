import type { ArchiveFile } from "./archive-file";
import type { Compression } from "./compression";

/**
 * The bytes that files surely have when they are unpacked: their own, or what the compression says. gzip counts modulo
 * 2^32 (RFC 1952), zstd's first frame may tell its size (RFC 8878, "Frame_Content_Size").
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
        return Math.max(packed, zstdContentSize(header));
    }
    return packed;
}

function zstdContentSize(header: Buffer): number {
    const descriptor = header[4] ?? 0;
    const isSingle = (descriptor & 0x20) !== 0;
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
    const at = 5 + (isSingle ? 0 : 1) + dictionaryBytes;
    switch (descriptor >> 6) {
        case 3:
            return Number(header.readBigUInt64LE(at));
        case 2:
            return header.readUInt32LE(at);
        case 1:
            return header.readUInt16LE(at) + 256;
        default:
            return isSingle ? (header[at] ?? 0) : 0;
    }
}
