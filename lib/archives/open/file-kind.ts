import { Readable, pipeline } from "node:stream";
import { type BlobLocation, readChunks } from "../files/archive-source";
import { type Compression, compressionIn } from "../packed/compression";
import { decompressor } from "../packed/decompressor";
import { TAR_BLOCK, TarHeaderError, isZeroBlock, parseTarHeader } from "../tar/header";

/** What a file is by its first bytes: a tar, something compressed, or neither. */
export type FileKind = "tar" | Compression;

/**
 * Looks at the first 512 bytes.
 * @param entry what the bytes are called, for errors
 * @returns undefined for what is no tar and not compressed in a known way @throws ArchiveError as reading does
 */
async function detectKind({ file, offset, size }: BlobLocation, entry?: string): Promise<FileKind | undefined> {
    const start = Buffer.alloc(Math.min(TAR_BLOCK, size));
    const lent = await file.lend();
    await lent.file.readInto(start, offset, entry).finally(() => lent.release());
    return compressionIn(start) ?? (isTarStart(start) ? "tar" : undefined);
}

/**
 * True for a tar, and for what may be one when it is unpacked: also where it cannot be, as whoever reads it whole will say.
 * @throws ArchiveError as reading does
 */
export async function looksLikeTar(location: BlobLocation, entry?: string): Promise<boolean> {
    const kind = await detectKind(location, entry);
    return kind === "gzip" || kind === "zstd" ? mayHoldTar(location, kind, entry) : kind !== undefined;
}

async function mayHoldTar(location: BlobLocation, kind: "gzip" | "zstd", entry: string | undefined): Promise<boolean> {
    const packed = Readable.from(readChunks(location, 0, entry));
    const plain = decompressor(kind, { archive: location.file.path });
    // What ends the reading early is seen by the loop below.
    pipeline(packed, plain, () => undefined);
    let start = Buffer.alloc(0);
    try {
        for await (const chunk of plain) {
            start = Buffer.concat([start, chunk as Buffer]);
            if (start.length >= TAR_BLOCK) break;
        }
    } catch {
        return true;
    } finally {
        plain.destroy();
    }
    return isTarStart(start.subarray(0, TAR_BLOCK));
}

/** True for a tar's first header: by its checksum or, where that is damaged, by the magic that all but the oldest have. */
function isTarStart(start: Buffer): boolean {
    if (start.length < TAR_BLOCK) return false;
    const words = new Int32Array(TAR_BLOCK / Int32Array.BYTES_PER_ELEMENT);
    const blocks = { words, bytes: Buffer.from(words.buffer) };
    start.copy(blocks.bytes);
    if (isZeroBlock(blocks, 0)) return false;
    if (start.toString("latin1", 257, 262) === "ustar") return true;
    try {
        parseTarHeader(blocks, 0);
        return true;
    } catch (error) {
        return error instanceof TarHeaderError && error.code !== "ARCHIVE_CORRUPT";
    }
}
