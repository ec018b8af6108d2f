import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { BlobSource } from "../../../mirror/image-set";
import type { Digest } from "../../../oci/digest";
import { ArchiveError, errorMessage } from "../../../errors/errors";
import { COPY_AGAIN } from "../../files/archive-file";
import { decompressor } from "../../packed/decompressor";
import { unpackLimit } from "../../packed/unpacked-bytes";
import type { LayerClaim } from "./rebuilt-image";

/**
 * Reads compressed layers once: the file must be the digest that its name claims, and unpack to the diff_id that the
 * image's config promises. Nothing is kept of it, but a bomb would be unpacked for hours: it has the same bound as an archive.
 * @throws ArchiveError `ARCHIVE_DIGEST_MISMATCH`, `ARCHIVE_TOO_LARGE`, `ARCHIVE_FORMAT_UNSUPPORTED` (zstd with a window
 * above 64 MiB)
 */
export async function proveClaims(source: BlobSource, claims: readonly LayerClaim[]): Promise<void> {
    const proven = new Set<string>();
    for (const claim of inTheirOrder(claims)) {
        const key = `${claim.digest} ${claim.diffId}`;
        if (!proven.has(key)) await prove(source, claim);
        proven.add(key);
    }
}

/** As they lie in their file: what is compressed is unpacked forwards. */
function inTheirOrder(claims: readonly LayerClaim[]): readonly LayerClaim[] {
    return [...claims].sort(({ location: a }, { location: b }) =>
        a.file.path === b.file.path ? a.offset - b.offset : a.file.path < b.file.path ? -1 : 1,
    );
}

async function prove(source: BlobSource, claim: LayerClaim): Promise<void> {
    const [packed, unpacked] = [createHash("sha256"), createHash("sha256")];
    const limit = unpackLimit(claim.location.size);
    const bytes: Readable = source.open(claim.digest);
    let size = 0;
    bytes.on("data", (chunk: Buffer) => packed.update(chunk));
    try {
        await pipeline(
            bytes,
            decompressor(claim.compression, claimPlace(claim)),
            async (tar: AsyncIterable<Buffer>) => {
                for await (const chunk of tar) {
                    size += chunk.length;
                    if (size > limit) throw bomb(claim, limit);
                    unpacked.update(chunk);
                }
            },
        );
    } catch (cause) {
        // Ending the source early makes an error of its own, which may come first.
        if (size > limit) throw bomb(claim, limit);
        if (cause instanceof ArchiveError) throw cause;
        throw wrong(claim, `cannot be unpacked: ${errorMessage(cause)}`, cause);
    }
    const found: Digest = `sha256:${packed.digest("hex")}`;
    if (found !== claim.digest) throw wrong(claim, `the bytes are ${found}, not ${claim.digest}`);
    const diffId: Digest = `sha256:${unpacked.digest("hex")}`;
    if (diffId !== claim.diffId) {
        throw wrong(claim, `unpacked it is ${diffId}, the image's config says ${claim.diffId}`);
    }
}

function claimPlace({ location, entry }: LayerClaim): { archive: string; entry?: string; offset?: number } {
    const archive = location.file.path;
    return entry === undefined ? { archive } : { archive, entry, offset: location.offset };
}

function bomb(claim: LayerClaim, limit: number): ArchiveError {
    const what = `unpacked this layer has more than ${limit} bytes, which no layer of this size has`;
    const fix =
        "check where the image comes from; if it is right, save it with layers that are not compressed, as podman save does";
    return new ArchiveError(what, { ...claimPlace(claim), code: "ARCHIVE_TOO_LARGE", fix });
}

function wrong(claim: LayerClaim, what: string, cause?: unknown): ArchiveError {
    return new ArchiveError(what, {
        ...claimPlace(claim),
        code: "ARCHIVE_DIGEST_MISMATCH",
        fix: COPY_AGAIN,
        cause,
    });
}
