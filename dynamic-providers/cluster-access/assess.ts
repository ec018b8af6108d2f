import { parseBoundedJson } from "../../lib/oci/bounded-json";
import { PassthroughError } from "../../lib/errors/errors";
import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import {
    type ClusterRefusal,
    type ClusterSurvey,
    type ClusterWarning,
    type ExistingCluster,
    type LoneNever,
    type MirrorObject,
    type NeverSources,
    type NodeEffect,
    type RegistriesConf,
    forbidSources,
    forbiddenSources,
    findOwnPair,
    forecastNodeEffect,
    loneNever,
    readExistingCluster,
    registriesConf,
    rolledOutNever,
    surveyCluster,
} from "../../lib/openshift";
import type { MachineConfigPool } from "../../lib/openshift/rollout/rollout-objects";
import { findForeignObjects } from "./owners";
import type { ClusterAccessInputs } from "./kind";
import { readPoolConfigurations } from "./read-cluster";

/** What a cluster says about what is to be written. */
export interface Assessment {
    readonly server: string;
    readonly version: string;
    /** Empty if it may be written. */
    readonly refusals: readonly ClusterRefusal[];
    readonly warnings: readonly ClusterWarning[];
    /** Sources that the mirror objects may forbid now, sorted. */
    readonly neverSources: readonly string[];
    /** Sources that one object of the pair alone forbids: they are allowed again. */
    readonly lone: readonly LoneNever[];
    /** Sources that are to be forbidden, and why they cannot be yet. */
    readonly waiting: NeverSources["waiting"];
    /** Absent if nothing is rendered before or after. */
    readonly effect?: NodeEffect;
    readonly pools: readonly MachineConfigPool[];
}

type Site = Pick<ClusterAccessInputs, "rules" | "objects" | "owner" | "adopt" | "allowRemoval" | "version">;

/**
 * Reads a cluster and compares it with what is to be written. Only a source whose pair of rules is on all nodes may be
 * forbidden; one that is forbidden in one object of the pair alone is allowed again by the next write.
 * @throws ClusterError, PassthroughError if something could not be read
 */
export async function assessCluster(client: ClusterClient, site: Site): Promise<Assessment> {
    const wanted = parseBoundedJson(site.rules) as readonly MirrorObject[];
    const existing = await readExistingCluster(client);
    const { pools, configurations } = await readPoolConfigurations(client);
    const pair = findOwnPair(existing.objects, wanted);
    const { ready, waiting } = rolledOutNever(pair, configurations);
    const forbidden = forbiddenSources(wanted);
    const neverSources = forbidden.filter((source) => ready.includes(source));
    const planned = { objects: forbidSources(wanted, new Set(neverSources)), version: site.version };
    const now = surveyCluster(existing, planned);
    const inTheEnd = surveyCluster(existing, { ...planned, objects: wanted });
    const effect = forecast(existing, now);
    return {
        server: client.server,
        version: existing.version,
        refusals: distinct([
            ...now.refusals,
            ...inTheEnd.refusals,
            ...lostSources(existing, wanted, site),
            ...(await findForeignObjects(client, site)),
        ]),
        warnings: now.warnings,
        neverSources,
        lone: loneNever(pair),
        waiting: forbidden
            .filter((source) => !ready.includes(source))
            .map((source) => waiting.find((other) => other.source === source) ?? { source, reason: "no rule yet" }),
        ...(effect === undefined ? {} : { effect }),
        pools,
    };
}

function isSameObject(one: MirrorObject, other: MirrorObject): boolean {
    return one.kind === other.kind && one.metadata.name === other.metadata.name;
}

/** Sources of our objects that no object of ours would have any more. */
function lostSources(existing: ExistingCluster, wanted: readonly MirrorObject[], site: Site): ClusterRefusal[] {
    if (site.allowRemoval) return [];
    const kept = new Set(wanted.flatMap(listSources));
    return existing.objects
        .filter((object) => wanted.some((ours) => isSameObject(ours, object)))
        .flatMap((object) =>
            [...new Set(listSources(object))]
                .filter((source) => !kept.has(source))
                .map((source): ClusterRefusal => ({
                    code: "CLUSTER_REMOVAL_REFUSED",
                    object: `${object.kind} ${object.metadata.name}`,
                    problem: `${source} would lose its mirror rule: nodes would pull its images from upstream, and fail without internet`,
                    fix: `keep its images in the content, or set cluster.allowRemoval: true`,
                })),
        );
}

function listSources(object: MirrorObject): string[] {
    const { kind, spec } = object;
    switch (kind) {
        case "ImageContentSourcePolicy":
            return (spec.repositoryDigestMirrors ?? []).map(({ source }) => source);
        case "ImageDigestMirrorSet":
            return (spec.imageDigestMirrors ?? []).map(({ source }) => source);
        case "ImageTagMirrorSet":
            return (spec.imageTagMirrors ?? []).map(({ source }) => source);
    }
}

function forecast(
    existing: ExistingCluster,
    { registriesConf: after, refusals }: ClusterSurvey,
): NodeEffect | undefined {
    const before = renderedBefore(existing);
    if (before === undefined || after === undefined || refusals.length > 0) return undefined;
    return forecastNodeEffect({ registriesConf: before }, { registriesConf: after }, existing.version);
}

/** undefined: the operator renders nothing of the objects as they are, so nodes have some earlier file. */
function renderedBefore({ objects, version, registrySources }: ExistingCluster): RegistriesConf | undefined {
    try {
        return registriesConf(objects, version, registrySources);
    } catch (error) {
        if (error instanceof PassthroughError) return undefined;
        throw error;
    }
}

function distinct(refusals: readonly ClusterRefusal[]): ClusterRefusal[] {
    const known = new Map(refusals.map((refusal) => [`${refusal.object} ${refusal.problem}`, refusal]));
    return [...known.values()];
}
