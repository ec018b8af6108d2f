import type { Digest } from "../../oci/digest";
import type { ImageProblem } from "../image-problem";
import type { ImageTask, TreeNode } from "../image-task";

/** A blob that a repository lacks, and how it gets there. */
export interface BlobTask {
    readonly repository: string;
    readonly digest: Digest;
    /** Bytes. */
    readonly size: number;
    /** The repository it is mounted from; absent: its bytes are sent. */
    readonly mountFrom?: string;
}

/** A child manifest that an earlier archive put into another repository. */
export interface ManifestCopy {
    readonly digest: Digest;
    /** Bytes. */
    readonly size: number;
    readonly from: string;
}

/** What an image still needs. Nothing in any list: only its tag is put. */
export interface ImagePlan {
    readonly task: ImageTask;
    readonly blobs: readonly BlobTask[];
    /** Every blob that its repository lacks, also those that an image before it puts there. */
    readonly needs: readonly Digest[];
    /** The root is in the repository: only its tag is put, and no archive is needed for it. */
    readonly rootIsThere: boolean;
    /** Child manifests to put by digest, children first; the root goes with the tag. */
    readonly manifests: readonly TreeNode[];
    readonly copies: readonly ManifestCopy[];
    readonly root: TreeNode;
    /**
     * What the root is put under: the tag; or its digest where the tag has that digest already, since registries with
     * immutable tags refuse a PUT of the tag even then (Harbor 412, Quay 409).
     */
    readonly rootReference: string;
    /** What the tag points to now, if that is another image: it moves. */
    readonly movedFrom?: Digest;
    /** Its blobs alone are sent: another importer sends the rest, and nothing is tagged before all is there. */
    readonly isPart?: true;
}

/** What goes over the line. */
export interface Payload {
    /** Of request bodies: blobs and manifests. */
    readonly bytes: number;
    /** Blobs whose bytes are sent. */
    readonly uploads: number;
    /** Blobs that the registry takes from another repository. */
    readonly mounts: number;
}

/** Exact: without faults, carrying it out sends just these payload bytes. */
export interface ImportPlan extends Payload {
    readonly present: readonly ImageTask[];
    readonly push: readonly ImagePlan[];
    readonly problems: readonly ImageProblem[];
}

/** The manifests that are put from the archive, the root last. */
export function manifestsToPut({ manifests, root, rootIsThere }: ImagePlan): TreeNode[] {
    return rootIsThere ? [...manifests] : [...manifests, root];
}

/** Bytes of all manifests that are put from the archive, each once. */
export function manifestBytes({ push }: ImportPlan): number {
    const sizes = new Map(push.flatMap(manifestsToPut).map(({ digest, size }) => [digest, size]));
    return [...sizes.values()].reduce((total, size) => total + size, 0);
}

/** True if carrying the plan out reads anything from the archive. */
export function needsArchive(plan: ImportPlan): boolean {
    return plan.push.some(
        ({ blobs, manifests, rootIsThere }) =>
            !rootIsThere || manifests.length > 0 || blobs.some(({ mountFrom }) => mountFrom === undefined),
    );
}

/**
 * What carrying out these images sends, each thing once: a child manifest that two of them have in one repository is put
 * there once.
 */
export function imagesPayload(push: readonly ImagePlan[]): Payload {
    const blobs = push.flatMap((image) => image.blobs);
    const uploads = blobs.filter(({ mountFrom }) => mountFrom === undefined);
    const children = new Map(
        push.flatMap(({ task, manifests, copies }) =>
            [...manifests, ...copies].map(({ digest, size }) => [`${task.repository} ${digest}`, size] as const),
        ),
    );
    const sum = (sizes: Iterable<number>) => [...sizes].reduce((total, size) => total + size, 0);
    const roots = push.filter(({ isPart }) => isPart !== true).map(({ root }) => root.size);
    return {
        bytes: sum(uploads.map(({ size }) => size)) + sum(children.values()) + sum(roots),
        uploads: uploads.length,
        mounts: blobs.length - uploads.length,
    };
}

/** By repository that is written to, those that its blobs are mounted from. */
export function mountSources({ push }: ImportPlan): Map<string, Set<string>> {
    const sources = new Map<string, Set<string>>();
    for (const { task, blobs } of push) {
        const known = sources.get(task.repository) ?? new Set();
        for (const { mountFrom } of blobs) if (mountFrom !== undefined) known.add(mountFrom);
        sources.set(task.repository, known);
    }
    return sources;
}
