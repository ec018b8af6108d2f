import { type PoolOptions, poolProgress } from "./pool-rollout";
import type { MachineConfig, MachineConfigPool } from "./rollout-objects";
import { DONE, type RolloutResult, combineResults, waitingForOperator } from "./rollout-result";

/** Finds a MachineConfig by its name; undefined if there is none. */
export type FindMachineConfig = (name: string) => MachineConfig | undefined;

/**
 * Whether the rendered configuration that each pool wants is as expected. A pool without nodes counts as done.
 * @param missing what a configuration lacks: "/var/lib/kubelet/config.json in rendered-worker-1"; undefined: nothing
 */
export function checkRendered(
    pools: readonly MachineConfigPool[],
    find: FindMachineConfig,
    missing: (config: MachineConfig) => string | undefined,
    options: PoolOptions = {},
): RolloutResult {
    return combineResults(
        pools.map((pool) => {
            if (pool.status?.machineCount === 0) return DONE;
            const name = `pool ${pool.metadata.name}`;
            const wanted = pool.spec.configuration?.name;
            const config = wanted === undefined ? undefined : find(wanted);
            if (config === undefined) return waitingForOperator([`${name}: its rendered configuration`]);
            const text = missing(config);
            return text === undefined ? DONE : failedOrWaiting(pool, options, `${name}: ${text}`);
        }),
    );
}

/** Waiting for the operator, unless the pool is paused or degraded. */
function failedOrWaiting(pool: MachineConfigPool, options: PoolOptions, text: string): RolloutResult {
    const progress = poolProgress(pool, options);
    return progress.state === "failed" ? progress : waitingForOperator([text]);
}
