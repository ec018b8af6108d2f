import { parseBoundedJson } from "../../lib/oci/bounded-json";
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
    currentRegistriesConf,
    findOwnObjects,
    forbidSources,
    forbiddenSources,
    findOwnPair,
    forecastNodeEffect,
    listEntries,
    loneNever,
    neverInForce,
    lostSources,
    objectLabel,
    objectOwner,
    readExistingCluster,
    rolledOutNever,
    surveyCluster,
} from "../../lib/openshift";
import type { MachineConfigPool } from "../../lib/openshift/rollout/rollout-objects";
import { findOldObjects } from "./old-objects";
import type { ClusterAccessInputs } from "./kind";
import { findForeignObjects } from "./owners";
import { assessPins, withoutUnfilled } from "./pins";
import { readPoolConfigurations } from "./read-cluster";

/** What a cluster says about what is to be written. */
export interface Assessment {
    /** Empty if it may be written. */
    readonly refusals: readonly ClusterRefusal[];
    readonly warnings: readonly ClusterWarning[];
    /** Sources that the mirror objects may forbid now, sorted. */
    readonly neverSources: readonly string[];
    /** Those of them that are allowed now. */
    readonly newlyForbidden: readonly string[];
    /** Sources that are to be forbidden, and have rules for one form of pulls only. */
    readonly singleForm: readonly string[];
    /** Sources that one object of the pair alone forbids: they are allowed again. */
    readonly lone: readonly LoneNever[];
    /** Sources that are to be forbidden, and why they cannot be yet. */
    readonly waiting: NeverSources["waiting"];
    /** Absent if nothing is rendered before or after. */
    readonly effect?: NodeEffect;
    readonly pools: readonly MachineConfigPool[];
    /** Former owners that objects of the cluster still carry. */
    readonly formerOwners: readonly string[];
    /** Mirror objects of earlier runs that the cluster still has, and that the state has too. */
    readonly formerObjects: readonly string[];
    /** Those that the state does not have: nobody removes them. */
    readonly left: readonly MirrorObject[];
    /** Mirror objects of others for sources of ours that the configuration does not name. */
    readonly unnamed: readonly MirrorObject[];
    /** Those sources. */
    readonly unnamedSources: readonly string[];
}

type Site = Pick<
    ClusterAccessInputs,
    | ("rules" | "objects" | "owner" | "formerOwners" | "formerObjects")
    | ("adopt" | "allowRemoval" | "oldRules" | "pinnedSets" | "version")
>;

/**
 * Reads a cluster and compares it with what is to be written. Only a source whose pair of rules is on all nodes may be
 * forbidden; one that is forbidden in one object of the pair alone is allowed again by the next write.
 * @throws ClusterError, PassthroughError if something could not be read
 */
export async function assessCluster(client: ClusterClient, site: Site): Promise<Assessment> {
    const wanted = parseBoundedJson(site.rules) as readonly MirrorObject[];
    const existing = await readExistingCluster(client);
    const { pools, configurations } = await readPoolConfigurations(client);
    const own = findOwnObjects(existing, wanted, site, site.formerObjects ?? []);
    const pair = findOwnPair(existing.objects, wanted);
    const old = findOldObjects(own.remaining, wanted, site);
    const still = [...own.removed, ...own.left, ...old.named];
    const inForce = neverInForce(pair);
    const pins = await assessPins(client, existing, site.pinnedSets);
    const rolledOut = withoutUnfilled(rolledOutNever(pair, configurations), inForce, pins);
    const { ready, waiting } = withoutAllowed(rolledOut, still);
    const forbidden = forbiddenSources(wanted);
    const neverSources = forbidden.both.filter((source) => ready.includes(source));
    const planned = { objects: forbidSources(wanted, new Set(neverSources)), version: site.version };
    // The objects of this stack that are not wanted any more are removed last: they exist while the others are written.
    const now = surveyCluster(existing, planned);
    const after = surveyCluster({ ...existing, objects: own.remaining }, planned);
    // For their sources `never` waits, so they agree with ours as long as they are there.
    const others = own.remaining.filter((object) => !own.left.includes(object) && !old.named.includes(object));
    // What the named objects serve, `ClusterOldRules` says.
    const unexpected = own.remaining.filter((object) => !old.named.includes(object));
    const { warnings } = surveyCluster({ ...existing, objects: unexpected }, planned);
    const inTheEnd = surveyCluster({ ...existing, objects: others }, { ...planned, objects: wanted });
    const refusals = [...now.refusals, ...inTheEnd.refusals];
    const effect = refusals.length > 0 ? undefined : forecast(existing, after);
    const objects = site.objects.filter(({ kind }) => pins.isServed || kind !== "PinnedImageSet");
    const found = await findForeignObjects(client, { ...site, objects });
    const owners = [...found.owners, ...existing.objects.map(objectOwner)];
    return {
        refusals: distinct([
            ...refusals,
            ...old.refusals,
            ...pins.refusals,
            ...(site.allowRemoval ? [] : lostSources(own, wanted)),
            ...found.refusals,
        ]),
        formerOwners: (site.formerOwners ?? []).filter((owner) => owners.includes(owner)),
        formerObjects: own.removed.map(objectLabel),
        left: own.left,
        unnamed: old.unnamed,
        unnamedSources: old.unnamedSources,
        warnings,
        neverSources,
        lone: loneNever(pair),
        newlyForbidden: neverSources.filter((source) => !inForce.includes(source)),
        singleForm: forbidden.single,
        waiting: forbidden.both
            .filter((source) => !ready.includes(source))
            .map((source) => waiting.find((other) => other.source === source) ?? { source, reason: "no rule yet" }),
        ...(effect === undefined ? {} : { effect }),
        pools,
    };
}

/** A source that an old object allows can be forbidden only when that object does not exist any more. */
function withoutAllowed({ ready, waiting }: NeverSources, still: readonly MirrorObject[]): NeverSources {
    const allowed = still.flatMap(listEntries).filter(({ isNever }) => !isNever);
    const kept = new Map(allowed.map(({ source, object }) => [source, `is still in ${object}`]));
    const others = waiting.map(({ source, reason }) => ({ source, reason: kept.get(source) ?? reason }));
    const judged = ready.map((source) => ({ source, reason: kept.get(source) ?? "" }));
    return {
        ready: judged.filter(({ reason }) => reason === "").map(({ source }) => source),
        waiting: [...others, ...judged.filter(({ reason }) => reason !== "")],
    };
}

function forecast(existing: ExistingCluster, { registriesConf: after }: ClusterSurvey): NodeEffect | undefined {
    const before = currentRegistriesConf(existing);
    if (before === undefined || after === undefined) return undefined;
    return forecastNodeEffect({ registriesConf: before }, { registriesConf: after }, existing.version);
}

function distinct(refusals: readonly ClusterRefusal[]): ClusterRefusal[] {
    const known = new Map(refusals.map((refusal) => [`${refusal.object} ${refusal.problem}`, refusal]));
    return [...known.values()];
}
