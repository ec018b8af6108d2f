import { mapLimited } from "../../lib/concurrency/limiter";
import type { ClusterClient, KubernetesObject, ResourcePath } from "../../lib/kubernetes/cluster-client";
import { toProblem } from "../../lib/errors/errors";
import { isOwnObject, objectOwner, otherCluster } from "../../lib/openshift";
import type { ClusterRefusal } from "../../lib/openshift/existing/existing-cluster";
import type { ClusterAccessInputs, ObjectIdentity } from "./kind";

/** Names of kinds in URLs of the API that are not the kind in lower case with an "s". */
const IRREGULAR_PLURALS: Readonly<Record<string, string>> = { ImageContentSourcePolicy: "imagecontentsourcepolicies" };
/** The cluster's own: it always exists, and a part of it is written. */
const SINGLETON = "OperatorHub";

type Wanted = Pick<ClusterAccessInputs, "objects" | "owner" | "formerOwners" | "adopt">;

/** What is known of the objects that have the wanted names. */
export interface FoundObjects {
    /** Objects that this stack has not written for this cluster, and kinds that the cluster does not have. */
    readonly refusals: readonly ClusterRefusal[];
    /** Every owner that one of them carries. */
    readonly owners: readonly string[];
}

/** Objects asked for at the same time: a site may have hundreds of signatures. */
const CONCURRENCY = 8;

/** Reads who has written the objects that have the wanted names. */
export async function findForeignObjects(client: ClusterClient, wanted: Wanted): Promise<FoundObjects> {
    const found = await mapLimited([...wanted.objects], CONCURRENCY, (object) => checkObject(client, object, wanted));
    return {
        refusals: found.flatMap(({ refusal }) => refusal ?? []),
        owners: found.flatMap(({ owner }) => owner ?? []),
    };
}

async function checkObject(
    client: ClusterClient,
    { apiVersion, kind, metadata: { name, namespace } }: ObjectIdentity,
    wanted: Wanted,
): Promise<{ readonly refusal?: ClusterRefusal | undefined; readonly owner?: string | undefined }> {
    const label = `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
    const path: ResourcePath = {
        apiVersion,
        resource: IRREGULAR_PLURALS[kind] ?? `${kind.toLowerCase()}s`,
        ...(namespace === undefined ? {} : { namespace }),
    };
    try {
        const existing = await client.get<KubernetesObject>(path, name);
        if (existing === undefined) return {};
        return { refusal: checkOwner(existing, label, wanted), owner: objectOwner(existing) };
    } catch (error) {
        if (toProblem(error).code !== "CLUSTER_KIND_MISSING") throw error;
        const refusal: ClusterRefusal = {
            code: "CLUSTER_KIND_MISSING",
            object: label,
            problem: `the cluster does not have the kind ${kind} (${apiVersion})`,
            fix: MISSING_KIND_FIXES[kind] ?? "check cluster.version",
        };
        return { refusal };
    }
}

const MISSING_KIND_FIXES: Readonly<Record<string, string>> = {
    UpdateService:
        "install the operator OpenShift Update Service, or leave the object out: cluster.apply.leaveOut: [updateService]",
    ClusterCatalog: "set cluster.version, or leave the objects out: cluster.apply.leaveOut: [clusterCatalogs]",
    CatalogSource: "enable OLM, or leave the objects out: cluster.apply.leaveOut: [catalogSources]",
    PinnedImageSet: "leave out cluster.pin: its machine-config operator pins no images",
    OperatorHub: "leave the object out: cluster.apply.leaveOut: [operatorHub]",
};

function checkOwner(existing: KubernetesObject, label: string, wanted: Wanted): ClusterRefusal | undefined {
    const other = otherCluster(existing, wanted);
    if (other !== undefined) {
        return {
            code: "CLUSTER_OBJECT_EXISTS",
            object: label,
            problem: `it belongs to another cluster of this stack (${other}), whose removal would remove it here too`,
            fix: "keep the name in site.clusters, or rename its resources in the state first (docs/how-to/cluster.md, Rename a cluster)",
        };
    }
    const { kind, metadata } = existing;
    const owner = objectOwner(existing);
    if (wanted.adopt || isOwnObject(existing, wanted) || (owner === undefined && kind === SINGLETON)) return undefined;
    const managers = [...new Set(metadata.managedFields?.map(({ manager }) => manager))];
    const by = owner === undefined ? `written by ${managers.join(", ") || "somebody else"}` : `of stack ${owner}`;
    return {
        code: "CLUSTER_OBJECT_EXISTS",
        object: label,
        problem: `it exists already, ${by}`,
        fix: "set cluster.adopt: true to take it over, or remove it",
    };
}
