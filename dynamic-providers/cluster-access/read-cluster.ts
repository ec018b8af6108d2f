import { PassthroughError } from "../../lib/errors/errors";
import type { ClusterClient, KubernetesObject, ResourcePath } from "../../lib/kubernetes/cluster-client";
import type { ExistingCluster } from "../../lib/openshift/existing/existing-cluster";
import { readMirrorObjects } from "../../lib/openshift/existing/read-mirror-objects";
import type { PoolConfiguration } from "../../lib/openshift/existing/never-sources";
import { readPools } from "../../lib/openshift/rollout/check-nodes";
import { readIgnitionFile } from "../../lib/openshift/rollout/ignition-file";
import { isRolledOut } from "../../lib/openshift/rollout/pool-rollout";
import { type MachineConfig, type MachineConfigPool, ROLLOUT_PATHS } from "../../lib/openshift/rollout/rollout-objects";
import { REGISTRIES_CONF } from "../../lib/openshift/rollout/rules-rollout";

const IMAGE_CONFIGS: ResourcePath = { apiVersion: "config.openshift.io/v1", resource: "images" };
const CLUSTER_VERSIONS: ResourcePath = { apiVersion: "config.openshift.io/v1", resource: "clusterversions" };

interface ClusterVersionObject extends KubernetesObject {
    readonly status?: {
        /** Newest first. */
        readonly history?: readonly { readonly state: string; readonly version: string }[];
        readonly desired?: { readonly image?: string };
    };
}

interface ImageConfig extends KubernetesObject {
    readonly spec?: { readonly registrySources?: ExistingCluster["registrySources"] };
}

/**
 * Everything in a cluster that decides what becomes of mirror rules.
 * @throws ClusterError; PassthroughError `CLUSTER_OBJECT_INVALID` for a cluster that is not OpenShift
 */
export async function readExistingCluster(client: ClusterClient): Promise<ExistingCluster> {
    const [version, image, mirrorObjects] = await Promise.all([
        client.get<ClusterVersionObject>(CLUSTER_VERSIONS, "version"),
        client.get<ImageConfig>(IMAGE_CONFIGS, "cluster"),
        readMirrorObjects(client),
    ]);
    const completed = version?.status?.history?.find(({ state }) => state === "Completed")?.version;
    if (completed === undefined) {
        throw new PassthroughError("its ClusterVersion has no completed installation", {
            code: "CLUSTER_OBJECT_INVALID",
            thing: `cluster at ${client.server}`,
            fix: "wait until the cluster is installed: oc get clusterversion",
        });
    }
    const releaseImage = version?.status?.desired?.image;
    const registrySources = image?.spec?.registrySources;
    return {
        ...mirrorObjects,
        version: completed,
        ...(registrySources === undefined ? {} : { registrySources }),
        ...(releaseImage === undefined ? {} : { releaseImage }),
    };
}

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
