import * as pulumi from "@pulumi/pulumi";
import { RegistryHost } from "../dynamic-providers/registry-host/resource";
import { clusterOwner } from "../lib/openshift";
import { type HostDeployment, clusterKey } from "../lib/site";
import { childName } from "./child-name";
import type { RegistryCertificate } from "./registry-certificate";
import { type SiteWithRegistry, connectionArgs } from "./site-accounts";
import { STOCK_SITE } from "./site-outputs";

/**
 * The registry of a site on a host that is reached over SSH.
 * @param name of the site
 * @param certificate what the registry shows
 * @throws pulumi.RunError if the site lacks the login
 */
export function declareRegistryOnHost(
    name: string,
    args: SiteWithRegistry,
    { image, allowedFrom, nodesOf, ...deployment }: HostDeployment,
    certificate: RegistryCertificate,
    parent: pulumi.ComponentResource,
): RegistryHost {
    const { hostLogin } = args;
    if (hostLogin === undefined) throw new pulumi.RunError(`site ${name}: a registry on a host needs hostLogin`);
    const stack = `${pulumi.getProject()}/${pulumi.getStack()}`;
    return new RegistryHost(
        childName(name, STOCK_SITE, "registry-host"),
        {
            ...deployment,
            ...connectionArgs(args),
            image,
            allowedFrom: [...allowedFrom],
            ...(nodesOf.length === 0
                ? {}
                : { nodesOf: pulumi.all(nodesOf.map((cluster) => nodeSource(name, args, cluster))) }),
            login: pulumi.secret(hostLogin),
            owner: clusterOwner(stack, "", name === STOCK_SITE ? undefined : name),
            chain: certificate.chain,
            key: certificate.key,
        },
        { parent },
    );
}

/** How the nodes of a cluster are read. @throws pulumi.RunError if the site lacks its kubeconfig */
function nodeSource(site: string, { clusters, kubeconfigs }: SiteWithRegistry, name: string) {
    const kubeconfig = new Map(Object.entries(kubeconfigs ?? {})).get(name);
    if (kubeconfig === undefined)
        throw new pulumi.RunError(`site ${site}: allowedNodes needs ${clusterKey({ name })} with a kubeconfig`);
    const context = clusters?.find((cluster) => cluster.name === name)?.apply?.context;
    return pulumi.output(kubeconfig).apply((text) => ({
        ...{ cluster: name, kubeconfig: text },
        ...(context === undefined ? {} : { context }),
    }));
}
