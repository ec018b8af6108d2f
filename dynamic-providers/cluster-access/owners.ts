import type { ClusterClient, KubernetesObject, ResourcePath } from "../../lib/kubernetes/cluster-client";
import { toProblem } from "../../lib/errors/errors";
import { OWNER_ANNOTATION } from "../../lib/openshift";
import type { ClusterRefusal } from "../../lib/openshift/existing/existing-cluster";
import type { ClusterAccessInputs, ObjectIdentity } from "./kind";

/** Names of kinds in URLs of the API that are not the kind in lower case with an "s". */
const IRREGULAR_PLURALS: Readonly<Record<string, string>> = { ImageContentSourcePolicy: "imagecontentsourcepolicies" };
/** The cluster's own: it always exists, and a part of it is written. */
const SINGLETON = "OperatorHub";

/** Objects of the same names that this stack has not written, and kinds that the cluster does not have. */
export async function findForeignObjects(
    client: ClusterClient,
    inputs: Pick<ClusterAccessInputs, "objects" | "owner" | "adopt">,
): Promise<ClusterRefusal[]> {
    const found = await Promise.all(inputs.objects.map((object) => checkObject(client, object, inputs)));
    return found.filter((refusal) => refusal !== undefined);
}

async function checkObject(
    client: ClusterClient,
    { apiVersion, kind, metadata: { name, namespace } }: ObjectIdentity,
    { owner, adopt }: Pick<ClusterAccessInputs, "owner" | "adopt">,
): Promise<ClusterRefusal | undefined> {
    const label = `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
    const path: ResourcePath = {
        apiVersion,
        resource: IRREGULAR_PLURALS[kind] ?? `${kind.toLowerCase()}s`,
        ...(namespace === undefined ? {} : { namespace }),
    };
    try {
        const existing = await client.get<KubernetesObject>(path, name);
        return existing === undefined || adopt ? undefined : foreignOwner(existing, label, owner);
    } catch (error) {
        if (toProblem(error).code !== "CLUSTER_KIND_MISSING") throw error;
        return {
            code: "CLUSTER_KIND_MISSING",
            object: label,
            problem: `the cluster does not have the kind ${kind} (${apiVersion})`,
            fix: MISSING_KIND_FIXES[kind] ?? "check cluster.version",
        };
    }
}

const MISSING_KIND_FIXES: Readonly<Record<string, string>> = {
    UpdateService:
        "install the operator OpenShift Update Service, or leave the object out: cluster.apply.leaveOut: [updateService]",
    ClusterCatalog: "set cluster.version, or leave the objects out: cluster.apply.leaveOut: [clusterCatalogs]",
    CatalogSource: "enable OLM, or leave the objects out: cluster.apply.leaveOut: [catalogSources]",
    OperatorHub: "leave the object out: cluster.apply.leaveOut: [operatorHub]",
};

function foreignOwner({ kind, metadata }: KubernetesObject, label: string, owner: string): ClusterRefusal | undefined {
    const found = metadata.annotations?.[OWNER_ANNOTATION];
    if (found === owner || (found === undefined && kind === SINGLETON)) return undefined;
    const managers = [...new Set(metadata.managedFields?.map(({ manager }) => manager))];
    const by = found === undefined ? `written by ${managers.join(", ") || "somebody else"}` : `of stack ${found}`;
    return {
        code: "CLUSTER_OBJECT_EXISTS",
        object: label,
        problem: `it exists already, ${by}`,
        fix: "set cluster.adopt: true to take it over, or remove it",
    };
}
