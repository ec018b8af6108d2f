import * as pulumi from "@pulumi/pulumi";
import type { ClusterAccess } from "../dynamic-providers/cluster-access/resource";
import type { RefusedSource } from "../dynamic-providers/cluster-coverage/kind";
import type { ClusterCoverage } from "../dynamic-providers/cluster-coverage/resource";
import { type MirrorObject, forbiddenSources } from "../lib/openshift";

/**
 * Sources that may be forbidden: of those that the nodes are ready for, the ones that lack no image. Only a preview may
 * know the one and not the other.
 */
export function neverSources(
    access: ClusterAccess,
    coverage: ClusterCoverage | undefined,
): pulumi.Output<string[] | undefined> {
    if (coverage === undefined) return access.neverSources;
    return pulumi
        .all([access.neverSources, coverage.neverSources])
        .apply(([ready, covered]) => covered?.filter((source) => ready?.includes(source) !== false) ?? ready);
}

/** The sources that the site wants to forbid, and that are not forbidden yet; but those for which it is refused. */
export function waitingSources(
    wanted: readonly MirrorObject[],
    now: readonly MirrorObject[],
    refused: readonly RefusedSource[] = [],
): string[] {
    const others = new Set([...forbiddenSources(now).both, ...refused.map(({ source }) => source)]);
    return forbiddenSources(wanted).both.filter((source) => !others.has(source));
}
