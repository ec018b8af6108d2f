import { createCipheriv, createHash } from "node:crypto";
import type { Digest } from "../../oci/digest";

/** A blob of bytes that no compression makes smaller. Those of one size are always the same: a registry keeps them once. */
export interface TestBlob {
    readonly digest: Digest;
    /** Bytes. */
    readonly size: number;
    readonly bytes: () => AsyncIterable<Uint8Array>;
}

const PIECE = 256 * 1024;

/** @param size bytes, 1 or more */
export function testBlob(size: number): TestBlob {
    const hash = createHash("sha256");
    for (const piece of pieces(size)) hash.update(piece);
    return { digest: `sha256:${hash.digest("hex")}`, size, bytes: () => streamed(pieces(size)) };
}

/** The key stream of AES-256-CTR with a key of zeros. */
function* pieces(size: number): Iterable<Buffer> {
    const cipher = createCipheriv("aes-256-ctr", Buffer.alloc(32), Buffer.alloc(16));
    for (let at = 0; at < size; at += PIECE) yield cipher.update(Buffer.alloc(Math.min(PIECE, size - at)));
}

async function* streamed(all: Iterable<Buffer>): AsyncIterable<Uint8Array> {
    for (const piece of all) yield await Promise.resolve(piece);
}
