import * as pulumi from "@pulumi/pulumi";
import { CustomResource } from "@pulumi/kubernetes/apiextensions/customResource";
import { CustomResourcePatch } from "@pulumi/kubernetes/apiextensions/customResourcePatch";
import { ConfigMap } from "@pulumi/kubernetes/core/v1/configMap";
import { type ClusterObject, OWNER_ANNOTATION } from "../lib/openshift";

/** What identifies an object in a cluster; known before the program runs. */
export interface ObjectIdentity {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** A resource for one object of a cluster, with the metadata that the API server gave it. */
type DeclaredObject = CustomResource | CustomResourcePatch | ConfigMap;

/**
 * A resource for one object of a cluster. Its kind and name are plain; what it holds may be an output of the program.
 * An object that belongs to the cluster itself (OperatorHub/cluster) is patched: removing the resource gives up its fields.
 * @param owner `clusterOwner` of the cluster
 */
export function declareObject(
    name: string,
    { apiVersion, kind, metadata: identity }: ObjectIdentity,
    object: pulumi.Output<ClusterObject>,
    owner: string,
    opts: pulumi.CustomResourceOptions,
): DeclaredObject {
    const metadata = object.apply((known) => ({
        name: identity.name,
        ...(identity.namespace === undefined ? {} : { namespace: identity.namespace }),
        ...("labels" in known.metadata ? { labels: known.metadata.labels } : {}),
        annotations: { [OWNER_ANNOTATION]: owner },
    }));
    if (kind === "ConfigMap") {
        const binaryData = object.apply((known) => ("binaryData" in known ? known.binaryData : {}));
        return new ConfigMap(name, { metadata, binaryData }, opts);
    }
    const spec = object.apply((known) => ("spec" in known ? known.spec : {}));
    if (kind === "OperatorHub") return new CustomResourcePatch(name, { apiVersion, kind, metadata, spec }, opts);
    return new CustomResource(name, { apiVersion, kind, metadata, spec }, opts);
}

/** Which state of an object the API server has: another one after each change of what it holds, also if it is undone. */
export function objectState(label: string, declared: DeclaredObject | undefined): pulumi.Output<string> {
    return pulumi
        .output(declared?.metadata)
        .apply((metadata) => `${label} ${metadata?.uid ?? ""}/${metadata?.generation ?? ""}`);
}
