import * as pulumi from "@pulumi/pulumi";
import type { ImageImportArgs } from "../dynamic-providers/image-import/kind";
import type { Credentials } from "../lib/http/credentials";
import { clusterOwner } from "../lib/openshift";
import { type Content, clusterKey } from "../lib/site";
import type { PassthroughSiteArgs } from "./site-args";
import { STOCK_SITE } from "./site-outputs";

/** What an import has whose archive is not on this machine; nothing otherwise. */
export type ImportPlaceArgs = Pick<ImageImportArgs, "place" | "kubeconfig" | "puller">;

/**
 * How the archive of a set is reached that is in a cluster or on a host.
 * @param site name of the site
 * @param puller what nodes pull the image of the import with
 * @throws pulumi.RunError if the site lacks the cluster or its kubeconfig
 */
export function importPlaceArgs(
    site: string,
    { clusters = [], kubeconfigs = {} }: Pick<PassthroughSiteArgs, "clusters" | "kubeconfigs">,
    puller: pulumi.Output<Credentials>,
    { name, at }: Content,
): ImportPlaceArgs {
    if (at === undefined) return {};
    const stack = `${pulumi.getProject()}/${pulumi.getStack()}`;
    if ("address" in at) return { place: { ...at, owner: clusterOwner(stack, "", ownSite(site)) } };
    const cluster = clusters.find((one) => one.name === at.cluster);
    const kubeconfig = new Map(Object.entries(kubeconfigs)).get(at.cluster);
    if (cluster === undefined || kubeconfig === undefined) {
        const needed = `${clusterKey({ name: at.cluster })} with a kubeconfig`;
        throw new pulumi.RunError(`site ${site}: the archive of ${name} needs ${needed}`);
    }
    const { context } = cluster.apply ?? {};
    const owner = clusterOwner(stack, at.cluster, ownSite(site));
    const place = { ...at, owner, ...(context === undefined ? {} : { context }) };
    return { place, kubeconfig: pulumi.secret(kubeconfig), puller };
}

/** The only site of this project's program has no name of its own. */
function ownSite(site: string): string | undefined {
    return site === STOCK_SITE ? undefined : site;
}
