import * as pulumi from "@pulumi/pulumi";
import { Provider } from "@pulumi/kubernetes/provider";
import type { SiteCluster } from "../lib/site";

/**
 * Pulumi's Kubernetes provider for the objects of one cluster (docs/architecture.md, "Rules, catalogs and signatures are
 * resources of Pulumi's Kubernetes provider").
 * @param identifier of the cluster: the same for as long as its objects are the same
 */
export function declareClusterProvider(
    name: string,
    identifier: string,
    { cluster, kubeconfig }: { readonly cluster: SiteCluster; readonly kubeconfig: pulumi.Input<string> },
    opts: pulumi.ResourceOptions,
): Provider {
    return new Provider(
        name,
        {
            kubeconfig: pulumi.secret(kubeconfig),
            ...(cluster.apply?.context === undefined ? {} : { context: cluster.apply?.context }),
            // A new token or address, or another name of the stack, is no reason to replace every object.
            clusterIdentifier: identifier,
            // Otherwise a ConfigMap whose data changes is deleted and created again.
            enableConfigMapMutable: true,
            // `ClusterAccess` refuses objects of others. One of this stack that state does not have was created by an `up`
            // that did not get the response, or was killed before it: it is taken over.
            upsertExistingObjects: true,
            // What somebody has changed in an object of this stack is changed back.
            enablePatchForce: true,
            // A refresh of a cluster that is down keeps what state has of it.
            skipUpdateUnreachable: true,
            suppressDeprecationWarnings: true,
            // Unset options come from the environment (PULUMI_K8S_…): objects of a cluster that is down would leave the state.
            deleteUnreachable: false,
            enableServerSideApply: true,
        },
        // Another one replaces every object: created over the existing one, which the deletion then takes away.
        { ...opts, ignoreChanges: ["clusterIdentifier"] },
    );
}
