import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { BlobSource } from "../../oci/content";
import type { Digest } from "../../oci/digest";
import { ArchiveError, messageOf } from "../../oci/errors";
import { COPY_AGAIN } from "../archive-file";
import { decompressor } from "../decompressor";
import { unpackLimit } from "../unpacked-file";
import type { LayerClaim } from "./rebuilt-image";

/**
 * Reads compressed layers once: the file must be the digest that its name claims, and unpack to the diff_id that the
 * image's config promises. Nothing is kept of it, but a bomb would be unpacked for hours: it has the same bound as an archive.
 * @throws ArchiveError `ARCHIVE_DIGEST_MISMATCH`, `ARCHIVE_TOO_LARGE`, `ARCHIVE_FORMAT_UNSUPPORTED` (zstd with a window
 * above 128 MiB)
 */
export async function proveClaims(source: BlobSource, claims: readonly LayerClaim[]): Promise<void> {
    const proven = new Set<string>();
    for (const claim of claims) {
        const key = `${claim.digest} ${claim.diffId}`;
        if (!proven.has(key)) await prove(source, claim);
        proven.add(key);
    }
}

async function prove(source: BlobSource, claim: LayerClaim): Promise<void> {
    const [packed, unpacked] = [createHash("sha256"), createHash("sha256")];
    const limit = unpackLimit(source.size(claim.digest) ?? 0);
    const place = source.place(claim.digest);
    const bytes: Readable = source.open(claim.digest);
    let size = 0;
    bytes.on("data", (chunk: Buffer) => packed.update(chunk));
    try {
        await pipeline(
            bytes,
            decompressor(claim.compression, { archive: place }),
            async (tar: AsyncIterable<Buffer>) => {
                for await (const chunk of tar) {
                    size += chunk.length;
                    if (size > limit) throw bomb(place, limit);
                    unpacked.update(chunk);
                }
            },
        );
    } catch (cause) {
        if (cause instanceof ArchiveError) throw cause;
        throw wrong(source, claim, `cannot be unpacked: ${messageOf(cause)}`, cause);
    }
    const found: Digest = `sha256:${packed.digest("hex")}`;
    if (found !== claim.digest) throw wrong(source, claim, `the bytes are ${found}, not ${claim.digest}`);
    const diffId: Digest = `sha256:${unpacked.digest("hex")}`;
    if (diffId !== claim.diffId) {
        throw wrong(source, claim, `unpacked it is ${diffId}, the image's config says ${claim.diffId}`);
    }
}

function bomb(archive: string, limit: number): ArchiveError {
    const what = `unpacked this layer has more than ${limit} bytes, which no layer of this size has`;
    const cure =
        "check where the image comes from; if it is right, save it with layers that are not compressed, as podman save does";
    return new ArchiveError(what, { archive, code: "ARCHIVE_TOO_LARGE", cure });
}

function wrong(source: BlobSource, { digest }: LayerClaim, what: string, cause?: unknown): ArchiveError {
    return new ArchiveError(`${source.place(digest)}: ${what}`, {
        archive: source.place(digest),
        code: "ARCHIVE_DIGEST_MISMATCH",
        cure: COPY_AGAIN,
        cause,
    });
}
