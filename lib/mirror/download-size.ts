import type { Digest } from "../oci/digest";
import type { ImageSet } from "./image-set";

/** What is known of manifests and blobs, as locks have it. */
type Facts = Pick<ImageSet, "manifests" | "blobs" | "earlier">;

/** What a node downloads for some images. */
export interface DownloadSize {
    /** Compressed; what several images share counts once. */
    readonly bytes: number;
    /** Images that no set describes: they are not in `bytes`. */
    readonly unknown: number;
}

/**
 * What a node downloads that pulls images and has none of their blobs. Of an index it is the largest image in it that the
 * sets have, since they do not say which platform each one is for.
 */
export function downloadSize(facts: readonly Facts[], digests: Iterable<Digest>): DownloadSize {
    const found = new Map<Digest, number>();
    let unknown = 0;
    for (const digest of new Set(digests)) {
        const blobs = blobsOf(facts, digest);
        if (blobs === undefined) unknown++;
        for (const [blob, size] of blobs ?? []) found.set(blob, size);
    }
    return { bytes: total(found), unknown };
}

type Blobs = ReadonlyMap<Digest, number>;

function blobsOf(facts: readonly Facts[], digest: Digest): Blobs | undefined {
    const manifest = facts.map(({ manifests }) => manifests[digest]).find((known) => known !== undefined);
    if (manifest === undefined) return undefined;
    const children = (manifest.manifests ?? []).flatMap((child) => blobsOf(facts, child) ?? []);
    const own = new Map((manifest.blobs ?? []).map((blob) => [blob, sizeOf(facts, blob)]));
    return children.reduce((largest, next) => (total(next) > total(largest) ? next : largest), own as Blobs);
}

function sizeOf(facts: readonly Facts[], blob: Digest): number {
    for (const { blobs, earlier } of facts) {
        const size = blobs[blob] ?? earlier.blobs[blob]?.size;
        if (size !== undefined) return size;
    }
    return 0;
}

function total(blobs: Blobs): number {
    return [...blobs.values()].reduce((sum, size) => sum + size, 0);
}
