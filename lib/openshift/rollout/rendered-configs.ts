import { type PoolOptions, failedOrWaiting } from "./pool-rollout";
import type { MachineConfig, MachineConfigPool } from "./rollout-objects";
import { DONE, type RolloutResult, combineResults, waitingForOperator } from "./rollout-result";

/** Finds a MachineConfig by its name; undefined if there is none. */
export type FindMachineConfig = (name: string) => MachineConfig | undefined;

/**
 * Whether the rendered configuration that each pool wants is as expected. A pool without nodes counts as done.
 * @param missing what a configuration lacks: "/var/lib/kubelet/config.json in rendered-worker-1"; undefined: nothing
 * @param options `fix`: what to do if it never gets there
 */
export function checkRendered(
    pools: readonly MachineConfigPool[],
    find: FindMachineConfig,
    missing: (config: MachineConfig) => string | undefined,
    { fix, ...options }: PoolOptions & { readonly fix?: string } = {},
): RolloutResult {
    return combineResults(
        pools.map((pool) => {
            if (pool.status?.machineCount === 0) return DONE;
            const name = `pool ${pool.metadata.name}`;
            const wanted = pool.spec.configuration?.name;
            const config = wanted === undefined ? undefined : find(wanted);
            if (config === undefined) return waitingForOperator([`${name}: its rendered configuration`]);
            const text = missing(config);
            return text === undefined ? DONE : failedOrWaiting(pool, options, `${name}: ${text}`, fix);
        }),
    );
}
