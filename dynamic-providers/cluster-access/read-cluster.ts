import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import type { PoolConfiguration } from "../../lib/openshift/existing/never-sources";
import { readPools } from "../../lib/openshift/rollout/check-nodes";
import { readIgnitionFile } from "../../lib/openshift/rollout/ignition-file";
import { isRolledOut } from "../../lib/openshift/rollout/pool-rollout";
import { type MachineConfig, type MachineConfigPool, ROLLOUT_PATHS } from "../../lib/openshift/rollout/rollout-objects";
import { REGISTRIES_CONF } from "../../lib/openshift/rollout/rules-rollout";

/** The pools, and the registries.conf that the nodes of each have rolled out. */
export async function readPoolConfigurations(client: ClusterClient): Promise<{
    readonly pools: readonly MachineConfigPool[];
    readonly configurations: readonly PoolConfiguration[];
}> {
    const pools = await readPools(client);
    const configurations = await Promise.all(
        pools
            // Pools without nodes have none that could be behind.
            .filter(({ status }) => status?.machineCount !== 0)
            .map(async (pool) => ({
                pool: pool.metadata.name,
                ...(await readNodeRegistries(client, pool)),
            })),
    );
    return { pools, configurations };
}

/** Nothing while a pool is rolling out: some of its nodes have the one file, some the other. */
async function readNodeRegistries(
    client: ClusterClient,
    pool: MachineConfigPool,
): Promise<{ readonly registriesConf?: string }> {
    const name = pool.status?.configuration?.name;
    if (name === undefined || !isRolledOut(pool)) return {};
    const config = await client.get<MachineConfig>(ROLLOUT_PATHS.machineConfigs, name);
    const text = config === undefined ? undefined : readIgnitionFile(config, REGISTRIES_CONF);
    return text === undefined ? {} : { registriesConf: text };
}
