import {
    type ClusterRefusal,
    type MirrorObject,
    isInternalReleaseMirror,
    isOwnObject,
    listEntries,
    objectLabel,
    objectOwner,
    oldObjectKey,
    sourcesOf,
} from "../../lib/openshift";
import { isBelow } from "../../lib/openshift/existing/shadowing";
import type { ClusterAccessInputs } from "./kind";

/** Mirror objects of a cluster that this stack has not written. */
interface OldObjects {
    /** Those that the configuration names. */
    readonly named: readonly MirrorObject[];
    /** Others that have a source which is one of ours, or inside or around one. */
    readonly unnamed: readonly MirrorObject[];
    /** Named objects that are not to be removed by this stack. */
    readonly refusals: readonly ClusterRefusal[];
}

/**
 * Sorts the mirror objects of others by what the configuration says of them.
 * @param remaining what the cluster has beside objects of this stack that are removed anyway
 */
export function findOldObjects(
    remaining: readonly MirrorObject[],
    wanted: readonly MirrorObject[],
    site: Pick<ClusterAccessInputs, "oldRules" | "owner" | "formerOwners">,
): OldObjects {
    const { oldRules = {} } = site;
    const own = new Set(wanted.map(objectLabel));
    const named = remaining.filter((object) => Object.hasOwn(oldRules, oldObjectKey(object)));
    const isOurs = (object: MirrorObject) => own.has(objectLabel(object)) || isOwnObject(object, site);
    const others = remaining.filter((object) => !named.includes(object) && !isOurs(object) && !isRelease(object));
    const sources = sourcesOf(wanted);
    const meets = (source: string) =>
        sources.some((one) => one === source || isBelow(one, source) || isBelow(source, one));
    return {
        named: named.filter((object) => !isOurs(object)),
        unnamed: others.filter((object) => sourcesOf([object]).some(meets)),
        refusals: named.flatMap((object) => refuse(object, isOurs(object))),
    };
}

/** Nodes of the control plane serve its mirrors, and the platform would write it again. */
function isRelease(object: MirrorObject): boolean {
    return listEntries(object).some(({ mirrors }) => mirrors.some(isInternalReleaseMirror));
}

function refuse(object: MirrorObject, isOurs: boolean): ClusterRefusal[] {
    const owner = objectOwner(object);
    const problem = isOurs
        ? "it is one of the mirror objects of this stack"
        : isRelease(object)
          ? "it is of the platform: its mirrors are the release registry of the nodes"
          : owner === undefined
            ? undefined
            : `it belongs to the stack ${owner}, which would write it again`;
    if (problem === undefined) return [];
    return [
        {
            code: "OLD_RULES_INVALID",
            object: objectLabel(object),
            problem,
            fix: `take ${oldObjectKey(object)} out of cluster.oldRules`,
        },
    ];
}
