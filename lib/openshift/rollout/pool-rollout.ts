import { counted } from "../../errors/text";
import { type MachineConfigPool, hasCondition } from "./rollout-objects";
import { DONE, type RolloutResult, combineResults, waitingForNodes } from "./rollout-result";

/** Others, of image builds and pinned images, say nothing about the configuration of nodes. */
const DEGRADED = ["Degraded", "NodeDegraded", "RenderDegraded"] as const;

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

/** Every pool, custom ones too, has rolled out what it wants. */
export function rolledOut(pools: readonly MachineConfigPool[], options: PoolOptions = {}): RolloutResult {
    return combineResults(pools.map((pool) => (isRolledOut(pool) ? DONE : poolProgress(pool, options))));
}

/** What a pool that is not where it should be is waiting for, or why it never gets there by itself. */
export function poolProgress(pool: MachineConfigPool, { degradedBefore = [] }: PoolOptions = {}): RolloutResult {
    const { name } = pool.metadata;
    if (pool.spec.paused === true) return pausedPool(name);
    if (isDegraded(pool) && !degradedBefore.includes(name)) return degradedPool(pool);
    return waitingForNodes([describeProgress(pool)]);
}

/** "worker: 3 of 5 nodes". */
function describeProgress({ metadata: { name }, status }: MachineConfigPool): string {
    const { machineCount, updatedMachineCount = 0, unavailableMachineCount = 0 } = status ?? {};
    if (machineCount === undefined) return `${name}: no status yet`;
    const unavailable = unavailableMachineCount === 0 ? "" : `, ${unavailableMachineCount} unavailable`;
    return `${name}: ${updatedMachineCount} of ${counted(machineCount, "node")}${unavailable}`;
}

function isDegraded({ status }: Pick<MachineConfigPool, "status">): boolean {
    return DEGRADED.some((type) => hasCondition(status?.conditions, type));
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
