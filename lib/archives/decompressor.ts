import { Transform, type TransformCallback } from "node:stream";
import * as zlib from "node:zlib";
import { Decompress } from "fzstd";

type ZstdOfNode = { createZstdDecompress?: () => Transform };

/** A stream that unpacks. Errors of the format are thrown as the decoder words them. */
export function decompressor(compression: "gzip" | "zstd"): Transform {
    if (compression === "gzip") return zlib.createGunzip();
    // Node has its own since 22.15 and 23.8.
    return (zlib as ZstdOfNode).createZstdDecompress?.() ?? new ZstdTransform();
}

/** Keeps the decoder's steps, and so what waits in memory, small. */
const STEP_BYTES = 64 * 1024;

/**
 * zstd frames one after the other (RFC 8878). Holds one window, 8 MiB as most writers have it. Checksums of frames are
 * not read: every blob has its digest.
 */
class ZstdTransform extends Transform {
    readonly #decoder: Decompress;

    constructor() {
        super();
        this.#decoder = new Decompress((chunk) => void this.push(Buffer.from(chunk)));
    }

    override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
        try {
            for (let at = 0; at < chunk.length; at += STEP_BYTES) {
                this.#decoder.push(new Uint8Array(chunk.subarray(at, at + STEP_BYTES)), false);
            }
            done();
        } catch (error) {
            done(error as Error);
        }
    }

    override _flush(done: TransformCallback): void {
        try {
            this.#decoder.push(new Uint8Array(0), true);
            done();
        } catch (error) {
            done(error as Error);
        }
    }
}
