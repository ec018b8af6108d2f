import type { Lock } from "../lock";
import type { Digest } from "../oci/digest";

/** A set's lock, and the final source references of its images among all sets. */
export interface NamedSet {
    readonly lock: Lock;
    /** Source reference -> digest. */
    readonly images: Readonly<Record<string, Digest>>;
}

/**
 * What a set leaves out on purpose, for a validation of all sets together: children that no other set has, as
 * `<digest>`, for every image; children that another set has, as `<source reference> <digest>`, for the images of this set
 * that leave them out. So a set without a platform does not excuse one that another set lost.
 */
export function leftOut(set: NamedSet, others: readonly NamedSet[]): string[] {
    const children = [...new Set(Object.values(set.lock.manifests).flatMap(({ absent }) => absent ?? []))];
    const isHeld = (digest: Digest) => others.some(({ lock }) => holds(lock, digest));
    const contested = new Set(children.filter(isHeld));
    const entries = children.filter((digest) => !contested.has(digest));
    if (contested.size === 0) return entries.sort();
    for (const [source, digest] of Object.entries(set.images)) {
        const whole = others.filter(({ images }) => images[source] === digest);
        for (const child of absentBelow(set.lock, digest)) {
            if (contested.has(child) && !whole.some(({ lock }) => holds(lock, child)))
                entries.push(`${source} ${child}`);
        }
    }
    return entries.sort();
}

/** Layers that may not be distributed are blobs. */
function holds({ manifests, blobs, earlier }: Lock, digest: Digest): boolean {
    return [manifests, blobs, earlier.manifests, earlier.blobs].some((objects) => objects[digest] !== undefined);
}

function absentBelow(lock: Lock, root: Digest): Set<Digest> {
    const seen = new Set<Digest>();
    const absent = new Set<Digest>();
    for (const open = [root]; open.length > 0;) {
        const digest = open.pop() ?? root;
        if (seen.has(digest)) continue;
        seen.add(digest);
        const facts = lock.manifests[digest];
        for (const child of facts?.absent ?? []) absent.add(child);
        open.push(...(facts?.manifests ?? []));
    }
    return absent;
}
