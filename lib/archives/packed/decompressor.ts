import { Duplex } from "node:stream";
import { createGunzip } from "node:zlib";
import { Decompress, ZstdErrorCode } from "fzstd";
import { type PackedPlace, withinWindows } from "./zstd-windows";

/** Each piece goes through another thread: by default there are eight times as many. */
const GUNZIP_BYTES = 128 * 1024;

/**
 * A stream that unpacks. Errors of the format are thrown as the decoder words them; zstd that takes too much memory is
 * refused as an ArchiveError `ARCHIVE_FORMAT_UNSUPPORTED`.
 */
export function decompressor(compression: "gzip" | "zstd", place: PackedPlace): Duplex {
    if (compression === "gzip") return createGunzip({ chunkSize: GUNZIP_BYTES });
    // Node has its own since 22.15, but that one ends behind the first frame (seen with 22.19).
    return Duplex.from((packed: AsyncIterable<Buffer>) => unzstd(withinWindows(packed, place)));
}

/** True for a decoder's error about compressed data that ends early. */
export function isUnexpectedEnd(error: unknown): boolean {
    if (typeof error !== "object" || error === null || !("code" in error)) return false;
    return error.code === "Z_BUF_ERROR" || error.code === ZstdErrorCode.UnexpectedEOF;
}

/** Three bytes may stand for 128 KiB: what is unpacked in one step is in memory before anybody can stop it. */
const STEP_BYTES = 1024;

/**
 * zstd frames one after the other (RFC 8878), no faster than what they give is taken. Holds one window, 8 MiB as most
 * writers have it. Checksums of frames are not read: every blob has its digest.
 */
async function* unzstd(packed: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
    const made: Buffer[] = [];
    const decoder = new Decompress((piece) => void made.push(Buffer.from(piece)));
    for await (const chunk of packed) {
        for (let at = 0; at < chunk.length; at += STEP_BYTES) {
            decoder.push(new Uint8Array(chunk.subarray(at, at + STEP_BYTES)), false);
            yield* made.splice(0);
        }
    }
    decoder.push(new Uint8Array(0), true);
    yield* made.splice(0);
}
