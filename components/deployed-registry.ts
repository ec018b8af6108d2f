import * as pulumi from "@pulumi/pulumi";
import { RegistryDeployment } from "../dynamic-providers/registry-deployment/resource";
import { clusterOwner } from "../lib/openshift";
import { bucketOf } from "../lib/openshift/deployed-registry";
import { type ClusterDeployment, type HostDeployment, clusterKey } from "../lib/site";
import { childName } from "./child-name";
import { applyKnown } from "./known";
import { declareRegistryOnHost } from "./registry-on-host";
import type { RegistryCertificate } from "./registry-certificate";
import { type DeployedRegistry, type SiteWithRegistry, connectionArgs } from "./site-accounts";
import { STOCK_SITE } from "./site-outputs";

/**
 * The registry of a site that the program runs, in one of its clusters or on a host.
 * @param name of the site
 * @param certificate what the registry shows
 * @throws pulumi.RunError if the site lacks the certificate, the cluster, its kubeconfig or the login of the host
 */
export function declareDeployedRegistry(
    name: string,
    args: SiteWithRegistry,
    deployment: ClusterDeployment | HostDeployment,
    certificate: RegistryCertificate | undefined,
    parent: pulumi.ComponentResource,
): DeployedRegistry {
    if (certificate === undefined)
        throw new pulumi.RunError(`site ${name}: a registry that is deployed needs certificate`);
    const up =
        "host" in deployment
            ? declareRegistryOnHost(name, args, deployment, certificate, parent)
            : declareRegistryInCluster(name, args, deployment, certificate, parent);
    return {
        up,
        importer: pulumi.secret(applyKnown(up.accounts, ({ importer }) => importer)),
        puller: pulumi.secret(applyKnown(up.accounts, ({ puller }) => puller)),
    };
}

function declareRegistryInCluster(
    name: string,
    args: SiteWithRegistry,
    deployment: ClusterDeployment,
    certificate: RegistryCertificate,
    parent: pulumi.ComponentResource,
): RegistryDeployment {
    const { cluster: clusterName, ...rest } = deployment;
    const cluster = args.clusters?.find((one) => one.name === clusterName);
    const kubeconfig = new Map(Object.entries(args.kubeconfigs ?? {})).get(clusterName);
    if (cluster === undefined || kubeconfig === undefined) {
        throw new pulumi.RunError(
            `site ${name}: the registry needs ${clusterKey({ name: clusterName })} with a kubeconfig`,
        );
    }
    const { storageAccount } = args;
    if (bucketOf(deployment.storage) !== undefined && storageAccount === undefined)
        throw new pulumi.RunError(`site ${name}: a registry with its content in a bucket needs storageAccount`);
    const stack = `${pulumi.getProject()}/${pulumi.getStack()}`;
    const { context } = cluster.apply ?? {};
    return new RegistryDeployment(
        childName(name, STOCK_SITE, "registry-deployment"),
        {
            ...rest,
            ...connectionArgs(args),
            cluster: clusterName,
            kubeconfig,
            ...(context === undefined ? {} : { context }),
            ...(cluster.version === undefined ? {} : { version: cluster.version }),
            owner: clusterOwner(stack, clusterName, name === STOCK_SITE ? undefined : name),
            chain: certificate.chain,
            key: certificate.key,
            ...(storageAccount === undefined ? {} : { storageAccount }),
        },
        { parent },
    );
}
