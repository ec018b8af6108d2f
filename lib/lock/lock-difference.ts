import type { Digest } from "../oci/digest";
import type { Lock } from "./lock";

/** What changes for a registry when one lock takes the place of another. Names are source references, sorted. */
export interface LockDifference {
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changed: readonly { readonly image: string; readonly before: Digest; readonly after: Digest }[];
    /** Number of images that stay as they are. */
    readonly unchanged: number;
    /** Blobs and manifests that only the new lock brings: at most so many bytes go to the registry. */
    readonly bytes: number;
}

/**
 * Compares two locks of one content; `before` is undefined for the first. Images that the newer archive builds on
 * (`earlier`) are still part of the content, so they do not count as removed.
 */
export function compareLocks(before: Lock | undefined, after: Lock): LockDifference {
    const old = before === undefined ? {} : toImageMap(before);
    const now = toImageMap(after);
    const kept = Object.keys(now).filter((image) => old[image] !== undefined);
    const changed = kept.sort().flatMap((image) => {
        const [from, to] = [old[image], now[image]];
        return from === undefined || to === undefined || from === to ? [] : [{ image, before: from, after: to }];
    });
    return {
        added: missingIn(old, now),
        removed: missingIn(now, old),
        changed,
        unchanged: kept.length - changed.length,
        bytes: bytesOnlyIn(after, before),
    };
}

function toImageMap(lock: Lock): Readonly<Record<string, Digest>> {
    return { ...lock.earlier.images, ...lock.images };
}

function missingIn(one: Readonly<Record<string, Digest>>, other: Readonly<Record<string, Digest>>): string[] {
    return Object.keys(other)
        .filter((image) => one[image] === undefined)
        .sort();
}

function bytesOnlyIn(after: Lock, before: Lock | undefined): number {
    const isNew = (digest: Digest): boolean =>
        before?.manifests[digest] === undefined && before?.blobs[digest] === undefined;
    let bytes = 0;
    for (const [digest, { size }] of Object.entries(after.manifests)) if (isNew(digest)) bytes += size;
    for (const [digest, size] of Object.entries(after.blobs)) {
        // What is both is the same bytes.
        if (isNew(digest) && after.manifests[digest] === undefined) bytes += size;
    }
    return bytes;
}
