import type { ImageSet, ManifestFacts } from "../mirror/image-set";
import type { Digest } from "../oci/digest";
import { PassthroughError } from "../errors/errors";
import { type MirrorBase, mirrorReference, protectingTag } from "../mirror/mirror-reference";
import { parseReference } from "../oci/reference";

/** One image on its way: where it comes from and where it lands. */
export interface ImageTask {
    /** Canonical source reference, the key of `ImageSet.images`. */
    readonly source: string;
    readonly digest: Digest;
    /** Repository at the registry: `mirror/quay.io/org/app`. */
    readonly repository: string;
    /** The tag it gets there; a tag of our own protects an image that has none from garbage collection. */
    readonly tag: string;
}

/** Where a source reference lands. @throws PassthroughError if the name does not fit the registry. */
export function imageTask(base: MirrorBase, source: string, digest: Digest): ImageTask {
    const mirror = mirrorReference(base, parseReference(source));
    return { source, digest, repository: mirror.repository, tag: mirror.tag ?? protectingTag(digest) };
}

/** The tag with the list of referrers of a manifest (distribution-spec, "Referrers Tag Schema"). */
export function referrersTag(subject: Digest): string {
    return subject.replace(":", "-");
}

/** The manifest that a tag of cosign is about; undefined for other tags. */
export function signedDigest(tag: string): Digest | undefined {
    const hex = /^sha256-([0-9a-f]{64})\.(?:sig|att|sbom)$/.exec(tag)?.[1];
    return hex === undefined ? undefined : `sha256:${hex}`;
}

/** A manifest of an image's tree. */
export interface TreeNode extends ManifestFacts {
    readonly digest: Digest;
}

/**
 * The manifests of an image in the order they must be pushed: children before the index that names them, the root last.
 * @throws PassthroughError `LOCK_INCOMPLETE` if the set does not describe one of them.
 */
export function manifestTree(set: ImageSet, root: Digest): TreeNode[] {
    const seen = new Set<Digest>();
    const nodes: TreeNode[] = [];
    const visit = (digest: Digest, parent: Digest | undefined): void => {
        if (seen.has(digest)) return;
        seen.add(digest);
        const facts = set.manifests[digest];
        if (facts === undefined) {
            // Children from an earlier archive have no facts here; the plan looks for them at the registry.
            if (parent !== undefined && set.earlier.manifests[digest] !== undefined) return;
            throw new PassthroughError("the lock names it but does not describe it", {
                code: "LOCK_INCOMPLETE",
                thing: `manifest ${digest}`,
                fix: "make the lock again with: npm run -s passthrough -- lock --stack <stack>",
            });
        }
        for (const child of facts.manifests ?? []) visit(child, digest);
        nodes.push({ ...facts, digest });
    };
    visit(root, undefined);
    return nodes;
}
