import { counted, listed } from "../../errors/text";
import { type ClusterNode, type MachineConfigPool, type StatusCondition, hasCondition } from "./rollout-objects";
import { DONE, type RolloutResult, combineResults, waitingForNodes, waitingForOperator } from "./rollout-result";

/** Others, of image builds and pinned images, say nothing about the configuration of nodes. */
const DEGRADED = ["Degraded", "NodeDegraded", "RenderDegraded"] as const;

/** What the daemon of a node is at (machine-config-operator, pkg/daemon/constants). */
const NODE_ANNOTATIONS = ["currentConfig", "desiredConfig", "state"].map(
    (name) => `machineconfiguration.openshift.io/${name}`,
);
/** How many nodes of a pool a line names. */
const MAX_NODES = 3;

/** Exceptions for pools that had a problem before anything was changed. */
export interface PoolOptions {
    /** Names of pools that were degraded before: they may recover by the change, so they are waited for. */
    readonly degradedBefore?: readonly string[];
}

/**
 * True if every node of the pool has the configuration that the pool wants, as the operator counts
 * (machine-config-operator, pkg/controller/node/status.go).
 */
export function isRolledOut({ metadata, spec, status }: MachineConfigPool): boolean {
    const { machineCount: machines = 0, conditions } = status ?? {};
    const counts = [status?.updatedMachineCount, status?.readyMachineCount];
    const failures = [status?.unavailableMachineCount, status?.degradedMachineCount];
    const isRendered =
        spec.configuration?.name !== undefined && status?.configuration?.name === spec.configuration.name;
    // Such a pool has no node whose configuration could differ.
    if (status?.machineCount === 0) return true;
    return (
        isRendered &&
        (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0) &&
        hasCondition(conditions, "Updated") &&
        !hasCondition(conditions, "Updating") &&
        !isDegraded({ status }) &&
        counts.every((count = 0) => count === machines) &&
        failures.every((count = 0) => count === 0)
    );
}

/**
 * Every pool, custom ones too, has rolled out what it wants.
 * @param nodes of the cluster, to name those that are at work; none: they are only counted
 */
export function rolledOut(
    pools: readonly MachineConfigPool[],
    options: PoolOptions = {},
    nodes: readonly ClusterNode[] = [],
): RolloutResult {
    return combineResults(pools.map((pool) => (isRolledOut(pool) ? DONE : poolProgress(pool, options, nodes))));
}

/** What a pool that is not where it should be is waiting for, or why it never gets there by itself. */
function poolProgress(pool: MachineConfigPool, options: PoolOptions, nodes: readonly ClusterNode[]): RolloutResult {
    return poolFailure(pool, options) ?? waitingForNodes([describeProgress(pool, nodes)]);
}

/** Waiting for the operator to do something for a pool, unless the pool never gets it by itself. */
export function failedOrWaiting(
    pool: MachineConfigPool,
    options: PoolOptions,
    text: string,
    fix?: string,
): RolloutResult {
    return poolFailure(pool, options) ?? waitingForOperator([text], fix);
}

/** Why a pool never gets there by itself; undefined: it may. */
export function poolFailure(pool: MachineConfigPool, { degradedBefore = [] }: PoolOptions): RolloutResult | undefined {
    const { name } = pool.metadata;
    if (pool.spec.paused === true) return pausedPool(name);
    return isDegraded(pool) && !degradedBefore.includes(name) ? degradedPool(pool) : undefined;
}

/** "worker: 3 of 5 nodes, 1 unavailable (worker-3: Working)". */
function describeProgress(pool: MachineConfigPool, nodes: readonly ClusterNode[]): string {
    const { name } = pool.metadata;
    const { machineCount, updatedMachineCount = 0, unavailableMachineCount = 0 } = pool.status ?? {};
    if (machineCount === undefined) return `${name}: no status yet`;
    const unavailable = unavailableMachineCount === 0 ? "" : `, ${unavailableMachineCount} unavailable`;
    const busy = busyNodes(pool, nodes);
    const names = busy.length === 0 ? "" : ` (${listed(busy, MAX_NODES)})`;
    return `${name}: ${updatedMachineCount} of ${counted(machineCount, "node")}${unavailable}${names}`;
}

/** "worker-3: Working": nodes that are told to take what the pool wants, and do not have it. */
function busyNodes({ spec }: MachineConfigPool, nodes: readonly ClusterNode[]): string[] {
    const wanted = spec.configuration?.name;
    return nodes.flatMap(({ metadata: { name, annotations = {} } }) => {
        const [current, desired, state] = NODE_ANNOTATIONS.map((key) => annotations[key]);
        return desired === wanted && current !== wanted ? [`${name}: ${state ?? "no state yet"}`] : [];
    });
}

function isDegraded({ status }: Pick<MachineConfigPool, "status">): boolean {
    return !lacksPinnedImages(status?.conditions) && DEGRADED.some((type) => hasCondition(status?.conditions, type));
}

/** What a pool says of each of its nodes that has not pulled pinned images yet (pkg/controller/node/status.go, before 4.20). */
const LACKS_IMAGES =
    /Node \S+ references an invalid PinnedImageSet\. See the node's MachineConfigNode resource for details\./g;

/** True if a pool is degraded by nothing but pinned images that some of its nodes have not pulled yet. */
function lacksPinnedImages(conditions: readonly StatusCondition[] = []): boolean {
    const found = conditions.find(({ type, status }) => type === "NodeDegraded" && status === "True");
    const isOther = (found?.message ?? "").replace(LACKS_IMAGES, "").replace(/[\s,]+/g, "") !== "";
    return (
        hasCondition(conditions, "PinnedImageSetsDegraded") && !isOther && !hasCondition(conditions, "RenderDegraded")
    );
}

function pausedPool(name: string): RolloutResult {
    return {
        state: "failed",
        problem: `pool ${name} is paused: its nodes keep their configuration`,
        fix: `resume it with: oc patch machineconfigpool ${name} --type merge -p '{"spec":{"paused":false}}'`,
    };
}

function degradedPool({ metadata: { name }, status }: MachineConfigPool): RolloutResult {
    const found = status?.conditions?.filter(
        ({ type, status: value }) => value === "True" && DEGRADED.some((degraded) => degraded === type),
    );
    const messages = found?.map(({ type, message = "" }) => (message === "" ? type : `${type}: ${message}`)) ?? [];
    return {
        state: "failed",
        problem: `pool ${name} is degraded (${messages.join("; ")})`,
        fix: `repair it first: oc describe machineconfigpool ${name}, and the logs of the machine-config-daemon on its nodes`,
    };
}

/** Failed if nodes of a paused pool would not get a change. */
export function pausedPools(pools: readonly MachineConfigPool[]): RolloutResult {
    const paused = pools.filter(({ spec, status }) => spec.paused === true && status?.machineCount !== 0);
    return combineResults(paused.map(({ metadata }) => pausedPool(metadata.name)));
}

/** The names of the pools that are degraded now. */
export function degradedPools(pools: readonly MachineConfigPool[]): string[] {
    return pools.filter(isDegraded).map(({ metadata }) => metadata.name);
}
