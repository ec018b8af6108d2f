import { createCipheriv, createHash } from "node:crypto";

/** Bytes made at a time. */
const pieceBytes = 4 * 1024 * 1024;

/**
 * Bytes that no compressor makes smaller, the same for the same seed. They begin as gzip does, as real layers do: what
 * looks uncompressed, skopeo would compress.
 *
 * @param {string} seed
 * @param {number} size bytes, at least 10
 * @returns {Iterable<Buffer>}
 */
export function* layerBytes(seed, size) {
    const key = createHash("sha256").update(seed).digest();
    const cipher = createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
    for (let at = 0; at < size; at += pieceBytes) {
        const piece = cipher.update(Buffer.alloc(Math.min(pieceBytes, size - at)));
        if (at === 0) Buffer.from("1f8b0800000000000003", "hex").copy(piece);
        yield piece;
    }
}
