import type { ImageSet } from "../mirror/image-set";
import type { Digest } from "../oci/digest";

/** Indexes within indexes: no tool writes more than two or three levels, and what follows them must end. */
const MAX_LEVELS = 32;

/** A manifest below too many indexes, or one that is in itself, which no digest allows: as sentences, at most one. */
export function nestingProblems({ manifests }: Pick<ImageSet, "manifests">): string[] {
    const children = (digest: Digest): readonly Digest[] => manifests[digest]?.manifests ?? [];
    const parents = new Map<Digest, number>();
    for (const digest of Object.keys(manifests))
        for (const child of children(digest)) parents.set(child, (parents.get(child) ?? 0) + 1);
    // Level by level, each manifest once all that name it are done.
    let level = Object.keys(manifests).filter((digest) => !parents.has(digest));
    for (let depth = 0; level.length > 0; depth++) {
        const [first = ""] = level;
        if (depth > MAX_LEVELS) return [`manifest ${first} is below more than ${MAX_LEVELS} indexes`];
        level = level.flatMap(children).filter((child) => {
            const open = (parents.get(child) ?? 0) - 1;
            if (open > 0) parents.set(child, open);
            else parents.delete(child);
            return open === 0;
        });
    }
    return [...parents.keys()]
        .slice(0, 1)
        .map((digest) => `manifest ${digest} is, or is within, an index that contains itself`);
}
