import { entryHash, findPullEntry } from "../trust/pull-secret";
import { readIgnitionFile } from "./ignition-file";
import type { PoolOptions } from "./pool-rollout";
import { type FindMachineConfig, checkRendered } from "./rendered-configs";
import type { MachineConfig, MachineConfigPool } from "./rollout-objects";
import type { RolloutResult } from "./rollout-result";

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
 * The rendered configuration that each pool wants has the entry of the global pull secret.
 * @throws PassthroughError `PULL_SECRET_INVALID`, `CLUSTER_OBJECT_INVALID`
 */
export function pullSecretRendered(
    expected: ExpectedPullEntry,
    pools: readonly MachineConfigPool[],
    find: FindMachineConfig,
    options: PoolOptions = {},
): RolloutResult {
    const missing = (config: MachineConfig) => {
        const text = readIgnitionFile(config, KUBELET_AUTH_FILE);
        if (text === undefined) return `${KUBELET_AUTH_FILE} in ${config.metadata.name}`;
        const entry = findPullEntry(text, expected.key);
        const isExpected = entry !== undefined && entryHash(entry) === expected.hash;
        return isExpected ? undefined : "a configuration with the new pull secret";
    };
    return checkRendered(pools, find, missing, options);
}
