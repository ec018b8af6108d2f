import { PassthroughError } from "../../errors/errors";
import type { ClusterClient, KubernetesObject, ResourcePath } from "../../kubernetes/cluster-client";
import type { ExistingCluster } from "./existing-cluster";
import { readMirrorObjects } from "./read-mirror-objects";

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
    const history = version?.status?.history ?? [];
    const completed = history.find(({ state }) => state === "Completed")?.version;
    const [newest] = history;
    const updatingTo = newest?.state === "Partial" ? newest.version : undefined;
    if (completed === undefined) {
        throw new PassthroughError("its ClusterVersion has no completed installation", {
            code: "CLUSTER_OBJECT_INVALID",
            place: { cluster: client.server },
            fix: "wait until the cluster is installed: oc get clusterversion",
        });
    }
    const releaseImage = version?.status?.desired?.image;
    const registrySources = image?.spec?.registrySources;
    return {
        ...mirrorObjects,
        version: completed,
        ...(updatingTo === undefined ? {} : { updatingTo }),
        ...(registrySources === undefined ? {} : { registrySources }),
        ...(releaseImage === undefined ? {} : { releaseImage }),
    };
}
