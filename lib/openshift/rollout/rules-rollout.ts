import { isAt } from "../rules/mirror-entries";
import type { RegistryRule } from "../rules/registries-conf";
import { parseRegistriesConf } from "../rules/registries-toml";
import { readIgnitionFile } from "./ignition-file";
import type { PoolOptions } from "./pool-rollout";
import { type FindMachineConfig, checkRendered } from "./rendered-configs";
import type { MachineConfig, MachineConfigPool } from "./rollout-objects";
import type { RolloutResult } from "./rollout-result";

export const REGISTRIES_CONF = "/etc/containers/registries.conf";

/**
 * The rendered configuration that each pool wants has no mirror at a registry any more.
 * @param host `registry.example:8443`
 * @throws PassthroughError `REGISTRIES_CONF_INVALID`, `CLUSTER_OBJECT_INVALID`
 */
export function registryUnused(
    host: string,
    pools: readonly MachineConfigPool[],
    find: FindMachineConfig,
    options: PoolOptions = {},
): RolloutResult {
    const missing = (config: MachineConfig) => {
        const mirrors = readRules(config).flatMap(({ mirror = [] }) => mirror);
        return mirrors.some(({ location }) => isAt(location, host))
            ? `a configuration without mirrors at ${host}`
            : undefined;
    };
    return checkRendered(pools, find, missing, options);
}

function readRules(config: MachineConfig): readonly RegistryRule[] {
    const text = readIgnitionFile(config, REGISTRIES_CONF);
    if (text === undefined) return [];
    return parseRegistriesConf(text, `${REGISTRIES_CONF} in MachineConfig ${config.metadata.name}`).registry ?? [];
}
