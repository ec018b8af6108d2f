import { formatReference, parseReference } from "../oci/reference";
import { parseAddressRange } from "../openshift";
import { splitHost } from "../openshift/access/network-access";
import { parseHostKey } from "../ssh/connection";
import { clusterKey } from "./clusters";
import type { ConfigIssue } from "./config-issue";
import type { HostDeployKeys } from "./host-deploy-keys";
import type { HostAddress } from "./host-address";
import { collectIssue } from "./issues";
import type { SiteCluster } from "./mirror-policy";
import type { SiteRegistry } from "./registry";

/** Where the image of a registry comes from. */
export type DeployedImage =
    { readonly reference: string } | { readonly file: string } | { readonly fileOnHost: string };

/** A plain registry that the program runs on a host. */
export interface HostDeployment {
    readonly host: HostAddress;
    readonly directory: string;
    readonly image: DeployedImage;
    /** Addresses and ranges; empty, without `nodesOf`: everybody reaches it. */
    readonly allowedFrom: readonly string[];
    /** Names of the clusters whose nodes reach it, too; "" is that of `site.cluster`. */
    readonly nodesOf: readonly string[];
    /** Another text replaces the accounts. */
    readonly rotate?: string;
    readonly deleteContent: boolean;
}

const KEY = "site.registry.deploy.host";
const IMAGE_KEYS = ["image", "imageFile", "imageFileOnHost"] as const;

/** What the registry on a host is checked against. */
interface HostSite {
    /** undefined: it is invalid. */
    readonly registry: SiteRegistry | undefined;
    readonly clusters: readonly SiteCluster[];
}

/** A registry on a host, with everything that can be wrong with it in the configuration. */
export function readHostDeployment(
    keys: HostDeployKeys,
    { registry, clusters }: HostSite,
    issues: ConfigIssue[],
): HostDeployment {
    const { address, port, user, hostKey, directory, allowedFrom, allowedNodes, rotate, deleteContent } = keys;
    const key = hostKey.trim();
    collectIssue(`${KEY}.hostKey`, issues, () => parseHostKey(key));
    issues.push(
        ...allowedFrom.flatMap((text, index): ConfigIssue[] => {
            const range = parseAddressRange(text);
            return "problem" in range ? [{ key: `${KEY}.allowedFrom[${index}]`, ...range }] : [];
        }),
        ...(registry === undefined ? [] : portIssues(registry)),
        ...(allowedNodes ? nodeIssues(keys, clusters) : []),
    );
    const read = clusters.filter(({ apply }) => allowedNodes && apply !== undefined).map(({ name }) => name);
    return {
        host: { address, port, user, hostKey: key },
        ...{ directory, image: readImage(keys, registry, issues), allowedFrom, nodesOf: read, deleteContent },
        ...(rotate === undefined ? {} : { rotate }),
    };
}

function readImage(
    { image, imageFile, imageFileOnHost }: HostDeployKeys,
    registry: SiteRegistry | undefined,
    issues: ConfigIssue[],
): DeployedImage {
    const set = [image, imageFile, imageFileOnHost].filter((value) => value !== undefined);
    if (set.length !== 1) {
        const problem = set.length === 0 ? "it names no image" : "it names several images";
        issues.push({ key: KEY, problem, fix: `set exactly one of ${IMAGE_KEYS.join(", ")}` });
    }
    if (imageFile !== undefined) return { file: imageFile };
    if (imageFileOnHost !== undefined) return { fileOnHost: imageFileOnHost };
    const key = `${KEY}.image`;
    const reference = image === undefined ? undefined : collectIssue(key, issues, () => parseReference(image));
    if (reference === undefined) return { reference: "" };
    if (reference.digest === undefined) {
        const fix = "write <registry>/<repository>@sha256:<digest>";
        issues.push({ key, problem: `${image} has no digest, so it may become another image`, fix });
    }
    if ([registry?.mirror.host, registry?.pushHost].includes(reference.registry)) {
        const problem = `${reference.registry} is the registry that this image is to run`;
        issues.push({ key, problem, fix: "name another registry that the host reaches, or set imageFile" });
    }
    return { reference: formatReference(reference) };
}

/** That the nodes of every cluster get in: those of one that is not written to cannot be read. */
function nodeIssues({ allowedFrom }: HostDeployKeys, clusters: readonly SiteCluster[]): ConfigIssue[] {
    const unread = clusters.filter(({ apply }) => apply === undefined);
    // Whoever lists addresses may have listed theirs.
    if (unread.length === 0 || (allowedFrom.length > 0 && unread.length < clusters.length)) return [];
    const keys = unread.map((cluster) => `${clusterKey(cluster)}.apply`);
    return [
        {
            key: `${KEY}.allowedNodes`,
            problem: `it needs ${keys.join(", ")}: without, nobody here reads which nodes there are`,
            fix: `set ${keys.join(", ")}, or write the addresses of these nodes to ${KEY}.allowedFrom`,
        },
    ];
}

/** Both instances are at one host, each at a port of its own. */
function portIssues({ mirror, pushHost }: SiteRegistry): ConfigIssue[] {
    if (pushHost === undefined) return [];
    const [pull, push] = [splitHost(mirror.host, 443), splitHost(pushHost, 443)];
    if (pull.port !== push.port) return [];
    return [
        {
            key: "site.registry.pushHost",
            problem: `it has the port of site.registry.mirrorBase (${pull.port}), at which the instance for pulls listens`,
            fix: "give it a port of its own",
        },
    ];
}
