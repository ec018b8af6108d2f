import { type AnnotatedObject, type ClusterOwner, isOwnObject } from "../objects/owner";
import { type FormEntry, listEntries, objectLabel } from "../rules/mirror-entries";
import type { MirrorObject } from "../rules/mirror-object-types";
import type { ClusterRefusal, ExistingCluster } from "./existing-cluster";

/** The mirror objects of this stack as a cluster has them. */
export interface OwnObjects {
    /** Of the kinds and names that are wanted, whoever wrote them: they are replaced. */
    readonly replaced: readonly MirrorObject[];
    /** Written by this stack for this cluster, and not wanted any more: they are removed. */
    readonly removed: readonly MirrorObject[];
    /** The same, but the state does not have them, as after it was lost or restored: nobody removes them. */
    readonly left: readonly MirrorObject[];
    /** What the cluster has beside those that are removed. */
    readonly remaining: readonly MirrorObject[];
}

/**
 * Sorts the mirror objects of a cluster by what a run does with them.
 * @param former `objectLabel` of those that earlier runs wrote, as far as the state knows
 */
export function findOwnObjects(
    { objects }: Pick<ExistingCluster, "objects">,
    wanted: readonly MirrorObject[],
    owner: ClusterOwner,
    former: readonly string[],
): OwnObjects {
    const names = new Set(wanted.map(objectLabel));
    const isReplaced = (object: MirrorObject) => names.has(objectLabel(object));
    const isOld = (object: MirrorObject & AnnotatedObject) => !isReplaced(object) && isOwnObject(object, owner);
    const isRemoved = (object: MirrorObject) => isOld(object) && former.includes(objectLabel(object));
    return {
        replaced: objects.filter(isReplaced),
        removed: objects.filter(isRemoved),
        left: objects.filter((object) => isOld(object) && !isRemoved(object)),
        remaining: objects.filter((object) => !isRemoved(object)),
    };
}

/** Sources that this stack's objects redirect for a form of pulls, and would not any more. */
export function lostSources(
    { replaced, removed }: Pick<OwnObjects, "replaced" | "removed">,
    wanted: readonly MirrorObject[],
): ClusterRefusal[] {
    const kept = new Set(wanted.flatMap(listEntries).map(formatRule));
    const lost = [...replaced, ...removed].flatMap(listEntries).filter((entry) => !kept.has(formatRule(entry)));
    return lost.map(({ source, form, object }) => ({
        code: "CLUSTER_REMOVAL_REFUSED",
        object,
        problem: `${source} would lose its mirror rule for pulls by ${form}: nodes would pull its images from upstream, and fail without internet`,
        fix: "keep its images in the content, or set cluster.allowRemoval: true",
    }));
}

function formatRule({ form, source }: FormEntry): string {
    return `${form} ${source}`;
}
