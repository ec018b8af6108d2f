import { toProblem } from "../../errors/errors";
import type { ClusterClient } from "../../kubernetes/cluster-client";
import type { RegistriesConf } from "../rules/registries-conf";
import { hasMachineTrust, parseClusterVersion } from "../versions";
import { type PoolOptions, preCheck, rolledOut } from "./pool-rollout";
import { type ExpectedPullEntry, pullSecretRendered } from "./pull-secret-rollout";
import {
    type ClusterNode,
    type ClusterVersionObject,
    type ConfigMap,
    type ControllerConfig,
    type DaemonSet,
    type MachineConfig,
    type MachineConfigPool,
    ROLLOUT_NAMES,
    ROLLOUT_PATHS,
} from "./rollout-objects";
import { type RolloutResult, combineResults } from "./rollout-result";
import {
    type FindMachineConfig,
    builtInPools,
    generatedRegistriesNames,
    registryUnused,
    rulesAccepted,
    rulesRendered,
} from "./rules-rollout";
import { type ExpectedTrust, nodeCaRolledOut, trustSynced } from "./trust-rollout";

/** What all nodes of a cluster are to have; an absent part is not looked at. */
export interface NodeExpectation extends PoolOptions {
    /** `4.18.20` or `4.18`; absent: the newest. */
    readonly version?: string | undefined;
    readonly ca?: ExpectedTrust | undefined;
    readonly pullEntry?: ExpectedPullEntry | undefined;
    /** What the machine-config operator is to make of our mirror objects. */
    readonly rules?: RegistriesConf | undefined;
    /** A registry that their configuration is to name as a mirror no more: `registry.example:8443`. */
    readonly unusedHost?: string | undefined;
    /** Step 0: nothing else is going on at the nodes. */
    readonly settled?: true;
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
    const { ca, pullEntry, rules, unusedHost, settled } = expectation;
    const readsConfigs = pullEntry !== undefined || rules !== undefined || unusedHost !== undefined;
    const trust = ca === undefined ? [] : [await checkTrust(client, ca, expectation)];
    if (!readsConfigs && settled === undefined) return combineResults(trust);
    const pools = await client.list<MachineConfigPool>(ROLLOUT_PATHS.pools);
    if (pools === undefined) return noMachineConfig(client);
    const busy = settled === undefined ? [] : [preCheck(pools, await readClusterVersion(client))];
    if (!readsConfigs) return combineResults([...trust, ...busy]);
    const find = await readMachineConfigs(client, pools, rules !== undefined, rendered);
    return combineResults([
        ...trust,
        ...busy,
        ...(pullEntry === undefined ? [] : [pullSecretRendered(pullEntry, pools, find, expectation)]),
        ...(rules === undefined
            ? []
            : [rulesAccepted(rules, pools, find), rulesRendered(rules, pools, find, expectation)]),
        ...(unusedHost === undefined ? [] : [registryUnused(unusedHost, pools, find, expectation)]),
        rolledOut(pools, expectation),
    ]);
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

async function readClusterVersion(client: ClusterClient): Promise<ClusterVersionObject | undefined> {
    return client.get<ClusterVersionObject>(ROLLOUT_PATHS.clusterVersions, ROLLOUT_NAMES.clusterVersion);
}

/** The pools as they are now; none where the cluster does not have that kind. */
export async function readPools(client: ClusterClient): Promise<readonly MachineConfigPool[]> {
    return (await client.list<MachineConfigPool>(ROLLOUT_PATHS.pools)) ?? [];
}

/** Reads the configurations that the pools are about. */
async function readMachineConfigs(
    client: ClusterClient,
    pools: readonly MachineConfigPool[],
    needsGenerated: boolean,
    rendered: RenderedConfigs,
): Promise<FindMachineConfig> {
    const read = (name: string) => client.get<MachineConfig>(ROLLOUT_PATHS.machineConfigs, name);
    const found = new Map<string, MachineConfig>();
    for (const name of new Set(pools.map(({ spec }) => spec.configuration?.name ?? ""))) {
        const config = name === "" ? undefined : (rendered.get(name) ?? (await read(name)));
        if (config === undefined) continue;
        rendered.set(name, config);
        found.set(name, config);
    }
    for (const name of needsGenerated ? builtInPools(pools).flatMap(generatedRegistriesNames) : []) {
        const config = await read(name);
        if (config !== undefined) found.set(name, config);
    }
    return (name) => found.get(name);
}
