import { createHash } from "node:crypto";

/** `sha256:<64 lower-case hex>` (image-spec, descriptor.md, "Digests"). */
export type Digest = string;

const SHA256 = /^sha256:[0-9a-f]{64}$/;

/** True for a well-formed sha256 digest, the only algorithm every registry in use accepts. */
export function isDigest(text: string): text is Digest {
    return SHA256.test(text);
}

/** The sha256 digest of bytes. */
export function computeDigest(bytes: Uint8Array | string): Digest {
    return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** The hex part of a digest. */
export function digestHex(digest: Digest): string {
    return digest.slice(digest.indexOf(":") + 1);
}
