import {
    type ClusterRefusal,
    type MirrorObject,
    OWNER_ANNOTATION,
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
    /** These sources of the unnamed objects. */
    readonly unnamedSources: readonly string[];
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
    const others = remaining.filter((object) => !named.includes(object) && objectOwner(object) === undefined);
    const strangers = others.filter((object) => !own.has(objectLabel(object)) && !isRelease(object));
    const sources = sourcesOf(wanted);
    const meets = (source: string) =>
        sources.some((one) => one === source || isBelow(one, source) || isBelow(source, one));
    const unnamed = strangers.filter((object) => sourcesOf([object]).some(meets));
    return {
        named: named.filter((object) => !isOurs(object)),
        unnamed,
        unnamedSources: sourcesOf(unnamed).filter(meets),
        refusals: named.flatMap((object) => refuse(object, isOurs(object))),
    };
}

/** Nodes of the control plane serve its mirrors, and the platform would write it again. */
function isRelease(object: MirrorObject): boolean {
    return listEntries(object).some(({ mirrors }) => mirrors.some(isInternalReleaseMirror));
}

function refuse(object: MirrorObject, isOurs: boolean): ClusterRefusal[] {
    const reason = reasonToLeave(object, isOurs);
    return reason === undefined ? [] : [{ code: "OLD_RULES_INVALID", object: objectLabel(object), ...reason }];
}

function reasonToLeave(object: MirrorObject, isOurs: boolean): Pick<ClusterRefusal, "problem" | "fix"> | undefined {
    const key = oldObjectKey(object);
    const fix = `take ${key} out of cluster.oldRules`;
    if (isOurs) return { problem: "it is one of the mirror objects of this stack", fix };
    if (isRelease(object)) {
        return { problem: "it is of the platform: its mirrors are the release registry of the nodes", fix };
    }
    const owner = objectOwner(object);
    if (owner === undefined) return undefined;
    const annotate = `oc annotate ${key.toLowerCase()} ${OWNER_ANNOTATION}-`;
    return {
        problem: `it belongs to the stack ${owner}, which would write it again`,
        fix: `${fix}, or take its owner away if that stack does not exist any more: ${annotate}`,
    };
}
