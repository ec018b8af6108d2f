import { entryHash, findPullEntry } from "../trust/pull-secret";
import { readIgnitionFile } from "./ignition-file";
import type { PoolOptions } from "./pool-rollout";
import type { MachineConfigPool } from "./rollout-objects";
import { DONE, type RolloutResult, combineResults, waitingForOperator } from "./rollout-result";
import { type FindMachineConfig, blockedOr, renderedConfig } from "./rules-rollout";

/** An entry of the global pull secret as nodes are to have it. */
export interface ExpectedPullEntry {
    /** `registry.example:8443` */
    readonly key: string;
    /** `entryHash` of the entry. */
    readonly hash: string;
}

/** Where the machine-config operator writes the global pull secret (templates/common/_base/files/pull-secret.yaml). */
const KUBELET_AUTH_FILE = "/var/lib/kubelet/config.json";

/**
 * Step 2, together with step 5: the rendered configuration that each pool wants has the entry of the global pull secret.
 * @throws PassthroughError `PULL_SECRET_INVALID`, `CLUSTER_OBJECT_INVALID`
 */
export function pullSecretRendered(
    expected: ExpectedPullEntry,
    pools: readonly MachineConfigPool[],
    find: FindMachineConfig,
    options: PoolOptions = {},
): RolloutResult {
    return combineResults(
        pools.map((pool) => {
            if (pool.status?.machineCount === 0) return DONE;
            const { name } = pool.metadata;
            const config = renderedConfig(pool, find);
            if (config === undefined) return waitingForOperator([`pool ${name}: its rendered configuration`]);
            const text = readIgnitionFile(config, KUBELET_AUTH_FILE);
            if (text === undefined)
                return blockedOr(pool, options, `pool ${name}: ${KUBELET_AUTH_FILE} in ${config.metadata.name}`);
            const entry = findPullEntry(text, expected.key);
            if (entry !== undefined && entryHash(entry) === expected.hash) return DONE;
            return blockedOr(pool, options, `pool ${name}: a configuration with the new pull secret`);
        }),
    );
}
