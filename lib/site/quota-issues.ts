import type { Digest } from "../oci/digest";
import type { Lock } from "../lock";
import { formatBytes } from "../errors/text";
import type { ConfigIssue } from "./config-issue";

/** A lock, and the images of it that the site pushes. */
export interface LockedImages {
    readonly lock: Pick<Lock, "manifests" | "blobs">;
    readonly images: Readonly<Record<string, Digest>>;
}

/**
 * A quota that the blobs of the content alone go beyond. Harbor counts each blob of a project once, however many repositories
 * have it (seen on 2.15.2).
 */
export function quotaIssues(quota: number | undefined, sets: readonly LockedImages[]): ConfigIssue[] {
    if (quota === undefined) return [];
    const needed = blobBytes(sets);
    if (needed <= quota) return [];
    return [
        {
            key: "site.registry.quota",
            problem: `the content has ${formatBytes(needed)}, which is more than ${formatBytes(quota)}`,
            fix: `write at least ${Math.ceil(needed / 1e9)}GB and room for what is replaced, or leave images out (site.content[].exclude)`,
        },
    ];
}

/** Bytes of all blobs that images need, each once. */
function blobBytes(sets: readonly LockedImages[]): number {
    const sizes = new Map<Digest, number>();
    const seen = new Set<Digest>();
    for (const { lock, images } of sets) {
        const add = (digest: Digest): void => {
            if (seen.has(digest)) return;
            seen.add(digest);
            const manifest = lock.manifests[digest];
            for (const blob of manifest?.blobs ?? []) sizes.set(blob, lock.blobs[blob] ?? 0);
            for (const child of manifest?.manifests ?? []) add(child);
        };
        for (const digest of Object.values(images)) add(digest);
    }
    return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
