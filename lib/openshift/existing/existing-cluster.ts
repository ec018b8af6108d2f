import type { ErrorCode } from "../../errors/codes";
import { type FormEntry, listEntries, objectLabel } from "../rules/mirror-entries";
import type { MirrorObject } from "../rules/mirror-object-types";
import type { RegistrySources } from "../rules/registry-sources";
import type { MirrorKind } from "../versions";

/** What a cluster has before our rules are written, as its API gives it. */
export interface ExistingCluster {
    /** Every ICSP, IDMS and ITMS; ours are among them. */
    readonly objects: readonly MirrorObject[];
    /** `spec.registrySources` of `Image/cluster`. */
    readonly registrySources?: RegistrySources | undefined;
    /** The newest completed entry of ClusterVersion's history: `4.18.20`. */
    readonly version: string;
    /** The version that an update is under way to; absent: none is. */
    readonly updatingTo?: string | undefined;
    /** The kinds of mirror objects that the API serves. */
    readonly servedKinds: readonly MirrorKind[];
    /** `status.desired.image` of ClusterVersion; absent: the payload is not taken into account. */
    readonly releaseImage?: string | undefined;
}

/** What is to be written. */
export interface PlannedRules {
    readonly objects: readonly MirrorObject[];
    /** `cluster.version` of the site; absent: the newest. */
    readonly version?: string | undefined;
}

/** What is wrong about one object of the cluster. */
export interface ClusterFinding {
    /** "ImageDigestMirrorSet corp", "Image cluster": where the fix is made. */
    readonly object: string;
    /** A sentence without its full stop. */
    readonly problem: string;
    readonly fix: string;
}

/** With it, nothing may be written. */
export interface ClusterRefusal extends ClusterFinding {
    readonly code: ErrorCode;
}

/** With it, the rules work, but not as somebody may expect. */
export type ClusterWarning = ClusterFinding;

export type PullForm = "digest" | "tag";

/** "Image cluster": where registrySources are. */
export const IMAGE_CONFIG = "Image cluster";

/** The objects that remain: those of the cluster that ours do not replace (same kind and name). */
export function foreignObjects({ objects }: ExistingCluster, planned: PlannedRules): MirrorObject[] {
    const own = new Set(planned.objects.map(objectLabel));
    return objects.filter((object) => !own.has(objectLabel(object)));
}

/** One entry of any object, and whether that object is ours. */
export interface KnownEntry extends FormEntry {
    readonly isOurs: boolean;
}

/** All entries after our rules are written. */
export function knownEntries(cluster: ExistingCluster, planned: PlannedRules): KnownEntry[] {
    const list = (objects: readonly MirrorObject[], isOurs: boolean) =>
        objects.flatMap(listEntries).map((entry) => ({ ...entry, isOurs }));
    return [...list(foreignObjects(cluster, planned), false), ...list(planned.objects, true)];
}

/** By source, in the order of their first entries. */
export function bySource(entries: readonly KnownEntry[]): Map<string, KnownEntry[]> {
    const groups = new Map<string, KnownEntry[]>();
    for (const entry of entries) groups.set(entry.source, [...(groups.get(entry.source) ?? []), entry]);
    return groups;
}

/** "a", "a and b", "a, b and c", each once. */
export function joinNames(names: readonly string[]): string {
    const unique = [...new Set(names)];
    const last = unique.pop() ?? "";
    return unique.length === 0 ? last : `${unique.join(", ")} and ${last}`;
}
