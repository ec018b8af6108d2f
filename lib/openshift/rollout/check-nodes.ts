import { toProblem } from "../../errors/errors";
import type { ClusterClient } from "../../kubernetes/cluster-client";
import type { SignaturePolicy } from "../../signatures";
import type { MirrorObject } from "../rules/mirror-object-types";
import { hasMachineTrust, parseClusterVersion } from "../versions";
import { expectedRules } from "./expected-rules";
import { type PoolOptions, isRolledOut, rolledOut } from "./pool-rollout";
import { policiesRendered } from "./policies-rollout";
import { type ExpectedPullEntry, pullSecretRendered } from "./pull-secret-rollout";
import type { FindMachineConfig } from "./rendered-configs";
import {
    type ClusterNode,
    type ConfigMap,
    type ControllerConfig,
    type DaemonSet,
    type MachineConfig,
    type MachineConfigPool,
    ROLLOUT_NAMES,
    ROLLOUT_PATHS,
} from "./rollout-objects";
import { type RolloutResult, combineResults, waitingForOperator } from "./rollout-result";
import { generatedConfigNames, registryUnused, rulesRendered } from "./rules-rollout";
import { type ExpectedTrust, nodeCaRolledOut, trustSynced } from "./trust-rollout";

/** What all nodes of a cluster are to have; an absent part is not looked at. */
export interface NodeExpectation extends PoolOptions {
    /** `4.18.20` or `4.18`; absent: the newest. */
    readonly version?: string | undefined;
    readonly ca?: ExpectedTrust | undefined;
    readonly pullEntry?: ExpectedPullEntry | undefined;
    /** Our mirror objects, whose rules they are to have. */
    readonly rules?: readonly MirrorObject[] | undefined;
    /**
     * Sources of objects that were created or removed: beside our rules, their rules are to be what all objects of the
     * cluster together say.
     */
    readonly changedSources?: readonly string[] | undefined;
    /** Signature policies that they are to have. */
    readonly policies?: readonly SignaturePolicy[] | undefined;
    /** A registry that their configuration is to name as a mirror no more: `registry.example:8443`. */
    readonly unusedHost?: string | undefined;
}

/**
 * Rendered configurations by name, for the looks of one wait: the hash in the name makes each immutable, and they are
 * large.
 */
export type RenderedConfigs = Map<string, MachineConfig>;

/**
 * One look at how far a cluster is.
 * @throws ClusterError, PassthroughError if something could not be read: then nothing is known
 */
export async function checkNodes(
    client: ClusterClient,
    expectation: NodeExpectation,
    rendered: RenderedConfigs = new Map(),
): Promise<RolloutResult> {
    const { ca, pullEntry, unusedHost, rules, policies } = expectation;
    const trust = ca === undefined ? [] : [await checkTrust(client, ca, expectation)];
    if ([pullEntry, unusedHost, rules, policies].every((part) => part === undefined)) return combineResults(trust);
    const pools = await client.list<MachineConfigPool>(ROLLOUT_PATHS.pools);
    if (pools === undefined) return noMachineConfig(client);
    const find = await readMachineConfigs(client, pools, rendered);
    const nodes = pools.every(isRolledOut) ? [] : ((await client.list<ClusterNode>(ROLLOUT_PATHS.nodes)) ?? []);
    return combineResults([
        ...trust,
        ...(pullEntry === undefined ? [] : [pullSecretRendered(pullEntry, pools, find, expectation)]),
        ...(unusedHost === undefined ? [] : [registryUnused(unusedHost, pools, find, expectation)]),
        ...(rules === undefined ? [] : [await checkRules(client, rules, pools, find, expectation)]),
        ...(policies === undefined ? [] : [policiesRendered(policies, pools, find, expectation)]),
        rolledOut(pools, expectation, nodes),
    ]);
}

async function checkRules(
    client: ClusterClient,
    rules: readonly MirrorObject[],
    pools: readonly MachineConfigPool[],
    find: FindMachineConfig,
    options: NodeExpectation,
): Promise<RolloutResult> {
    // Without a pool nothing is known about nodes.
    if (pools.length === 0) return waitingForOperator(["a machine config pool, of which the cluster has none"]);
    const [expected, generated] = await Promise.all([
        expectedRules(client, rules, options.changedSources),
        readByName(client, generatedConfigNames(pools)),
    ]);
    return rulesRendered(expected, pools, (name) => generated.get(name) ?? find(name), options);
}

async function checkTrust(
    client: ClusterClient,
    ca: ExpectedTrust,
    { version }: NodeExpectation,
): Promise<RolloutResult> {
    const { controllerConfigs, nodes, registryConfigMaps, registryDaemonSets } = ROLLOUT_PATHS;
    if (!hasMachineTrust(version === undefined ? undefined : parseClusterVersion(version))) {
        const [certificates, daemonSet] = await Promise.all([
            client.get<ConfigMap>(registryConfigMaps, ROLLOUT_NAMES.nodeCaCertificates),
            client.get<DaemonSet>(registryDaemonSets, ROLLOUT_NAMES.nodeCa),
        ]);
        return nodeCaRolledOut(ca, certificates, daemonSet);
    }
    const found = await orKindMissing(() =>
        client.get<ControllerConfig>(controllerConfigs, ROLLOUT_NAMES.controllerConfig),
    );
    if (found === "kind missing") return noMachineConfig(client);
    return trustSynced(ca, found, (await client.list<ClusterNode>(nodes)) ?? []);
}

async function orKindMissing<T>(read: () => Promise<T>): Promise<T | "kind missing"> {
    try {
        return await read();
    } catch (error) {
        if (toProblem(error).code === "CLUSTER_KIND_MISSING") return "kind missing";
        throw error;
    }
}

function noMachineConfig({ server }: ClusterClient): RolloutResult {
    return {
        state: "failed",
        problem: `the cluster at ${server} has no machine-config operator, which configures the nodes of OpenShift`,
        fix: "leave out cluster.apply for a hosted cluster or MicroShift, and use the files that `passthrough render` writes",
    };
}

/** The pools as they are now; none where the cluster does not have that kind. */
export async function readPools(client: ClusterClient): Promise<readonly MachineConfigPool[]> {
    return (await client.list<MachineConfigPool>(ROLLOUT_PATHS.pools)) ?? [];
}

/** Reads the configurations that the pools are about. */
async function readMachineConfigs(
    client: ClusterClient,
    pools: readonly MachineConfigPool[],
    rendered: RenderedConfigs,
): Promise<FindMachineConfig> {
    const names = new Set(pools.flatMap(({ spec }) => spec.configuration?.name ?? []));
    const unknown = await readByName(
        client,
        [...names].filter((name) => !rendered.has(name)),
    );
    for (const [name, config] of unknown) rendered.set(name, config);
    return (name) => (names.has(name) ? rendered.get(name) : undefined);
}

/** Those that exist. */
export async function readByName(
    client: ClusterClient,
    names: readonly string[],
): Promise<ReadonlyMap<string, MachineConfig>> {
    const found = new Map<string, MachineConfig>();
    for (const name of names) {
        const config = await client.get<MachineConfig>(ROLLOUT_PATHS.machineConfigs, name);
        if (config !== undefined) found.set(name, config);
    }
    return found;
}
