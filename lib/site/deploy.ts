import { certificateBlocks, isForHost } from "../http/certificates";
import { hostName } from "../http/hostname";
import { formatReference, parseReference } from "../oci/reference";
import { type Exposure, type RegistryStorage, bucketOf } from "../openshift/deployed-registry";
import { splitHost } from "../openshift/access/network-access";
import type { RegistryKind } from "../registries";
import { clusterKey } from "./clusters";
import type { ConfigIssue } from "./config-issue";
import type { ClusterDeployKeys } from "./deploy-keys";
import { type HostDeployment, readHostDeployment } from "./host-deploy";
import { collectIssue } from "./issues";
import type { SiteCluster } from "./mirror-policy";
import type { SiteCertificate } from "./registry-certificate";
import type { SiteRegistry } from "./registry";
import type { SiteContext } from "./read-registry";
import type { SiteDocument } from "./schema";
import { readStorage } from "./storage";

/** A plain registry that the program runs in one of the site's clusters. */
export interface ClusterDeployment {
    /** Name of the cluster; "" is that of `site.cluster`. */
    readonly cluster: string;
    readonly namespace: string;
    /** By digest. */
    readonly image: string;
    readonly expose: Exposure;
    readonly storage: RegistryStorage;
    readonly runAsUser?: number;
    /** Another text replaces the accounts. */
    readonly rotate?: string;
    readonly deleteContent: boolean;
}

/** The namespace of a registry in a cluster; undefined for one that is elsewhere. */
export function deployedNamespace(deployment: ClusterDeployment | HostDeployment | undefined): string | undefined {
    return deployment === undefined || "host" in deployment ? undefined : deployment.namespace;
}

const KEY = "site.registry.deploy";
const CLUSTER_KEY = `${KEY}.cluster`;
/** `--service-node-port-range` of API servers, unless it was changed. */
const NODE_PORTS = [30_000, 32_767] as const;

/** Why this program installs none of the other kinds. */
const NOT_DEPLOYED: Readonly<Record<Exclude<RegistryKind, "distribution">, string>> = {
    harbor: "Harbor has an installer of its own: write deploy.installer",
    quay: "Quay has an operator of its own",
    "mirror-registry": "mirror-registry has an installer of its own: write deploy.installer",
    jfrog: "Artifactory has installers of its own",
};

/** What the deployment is checked against. */
interface DeploySite {
    /** undefined: it is invalid. */
    readonly registry: SiteRegistry | undefined;
    readonly clusters: readonly SiteCluster[];
    readonly certificate: SiteCertificate | undefined;
}

/** The registry that a site has the program run; undefined if there is none. */
export function readDeployment(
    { registry: { type, deploy, certificate, pushHost, plainHttp } }: SiteDocument,
    site: DeploySite,
    context: SiteContext,
    issues: ConfigIssue[],
): ClusterDeployment | HostDeployment | undefined {
    if (deploy === undefined) return undefined;
    const { cluster, host, installer } = deploy;
    if ([cluster, host, installer].filter((place) => place !== undefined).length !== 1) {
        const isNone = cluster === undefined && host === undefined && installer === undefined;
        const problem = isNone ? "it says no place" : "it says several places";
        issues.push({ key: KEY, problem, fix: "write one of: cluster, host, installer" });
        return undefined;
    }
    if (installer !== undefined) return undefined;
    const place = host === undefined ? "cluster" : "host";
    if (type !== "distribution") {
        const fix = `install it with that, and leave deploy.${place} out; only distribution runs there`;
        const problem = `this program does not run ${type} ${host === undefined ? "in a cluster" : "by itself"}: ${NOT_DEPLOYED[type]}`;
        issues.push({ key: `${KEY}.${place}`, problem, fix });
        return undefined;
    }
    if (plainHttp === true) {
        issues.push({ key: KEY, problem: "it always serves TLS, and plainHttp is set", fix: "leave out plainHttp" });
    }
    if (certificate === undefined) {
        const fix = "write certificate: {chainFile: <PEM file>} or certificate: {siteCa: {}}";
        issues.push({ key: "site.registry.certificate", problem: `${KEY} needs it, and it is not set`, fix });
    }
    if (pushHost === undefined) {
        const problem = `${KEY} needs it: images are pushed to an instance of their own`;
        const fix =
            host === undefined ? "write host[:port] of a second Route or node port" : "write <host>:<another port>";
        issues.push({ key: "site.registry.pushHost", problem, fix });
    }
    issues.push(...certificateIssues(site));
    if (host !== undefined) return readHostDeployment(host, site, issues);
    return cluster === undefined ? undefined : readClusterDeployment(cluster, site, context, issues);
}

function readClusterDeployment(
    { name, storage: storageKeys, runAsUser, rotate, ...rest }: ClusterDeployKeys,
    site: DeploySite,
    context: SiteContext,
    issues: ConfigIssue[],
): ClusterDeployment {
    const storage = readStorage(storageKeys, context, issues) ?? { bytes: 0 };
    if (rest.deleteContent && bucketOf(storage) !== undefined) {
        const problem = "this program does not delete what is in a bucket";
        issues.push({ key: `${CLUSTER_KEY}.deleteContent`, problem, fix: "leave it out" });
    }
    const image = readImage(rest.image, site.registry, issues);
    issues.push(
        ...clusterIssues(name ?? "", site.clusters),
        ...(site.registry === undefined ? [] : hostIssues(rest.expose, site.registry)),
    );
    return {
        ...rest,
        cluster: name ?? "",
        image: image ?? "",
        storage,
        ...(runAsUser === undefined ? {} : { runAsUser }),
        ...(rotate === undefined ? {} : { rotate }),
    };
}

function readImage(text: string, registry: SiteRegistry | undefined, issues: ConfigIssue[]): string | undefined {
    const key = `${CLUSTER_KEY}.image`;
    const reference = collectIssue(key, issues, () => parseReference(text));
    if (reference === undefined) return undefined;
    if (reference.digest === undefined) {
        const fix = "write <registry>/<repository>@sha256:<digest>";
        issues.push({ key, problem: `${text} has no digest, so it may become another image`, fix });
    }
    if ([registry?.mirror.host, registry?.pushHost].includes(reference.registry)) {
        const problem = `${reference.registry} is the registry that this image is to run`;
        const fix = "name another registry that nodes reach, or load the image on every node under any other name";
        issues.push({ key, problem, fix });
    }
    return formatReference(reference);
}

function clusterIssues(name: string, clusters: readonly SiteCluster[]): ConfigIssue[] {
    const cluster = clusters.find((one) => one.name === name);
    if (cluster === undefined) {
        const known = clusters.map((one) => JSON.stringify(one.name)).join(", ");
        const problem = name === "" ? "the site has several clusters" : `site.clusters has no ${JSON.stringify(name)}`;
        return [{ key: `${CLUSTER_KEY}.name`, problem, fix: `write one of: ${known}` }];
    }
    if (cluster.apply !== undefined) return [];
    const apply = `${clusterKey(cluster)}.apply`;
    return [{ key: CLUSTER_KEY, problem: `it needs ${apply}, which is not set`, fix: `set ${apply}` }];
}

/** Addresses that the way of exposing cannot have. */
function hostIssues(expose: Exposure, { mirror, pushHost }: SiteRegistry): ConfigIssue[] {
    const hosts = [
        ["site.registry.mirrorBase", mirror.host],
        ["site.registry.pushHost", pushHost ?? ""],
    ].filter(([, host]) => host !== "") as [string, string][];
    const parts = hosts.map(([key, text]) => ({ key, text, ...splitHost(text, 443) }));
    const issues = parts.flatMap(({ key, text, host, port }): ConfigIssue[] => {
        if (/\.svc(\.|$)/.test(host)) {
            const problem = `${host} is the name of a Service, which nodes do not resolve`;
            return [{ key, problem, fix: "name the host of a Route, or one that leads to the nodes" }];
        }
        const [least, most] = NODE_PORTS;
        if (expose === "route" && port !== 443)
            return [{ key, problem: `${text} is to be a Route, which is at port 443`, fix: `write ${host}` }];
        if (expose === "nodePort" && (port < least || port > most)) {
            const fix = `write ${host}:<port> with a port from ${least} to ${most}`;
            return [{ key, problem: `port ${port} of ${text} is no port that Services get on nodes`, fix }];
        }
        return [];
    });
    const [pull, push] = parts;
    const isSame =
        pull !== undefined &&
        push !== undefined &&
        (expose === "route" ? pull.host === push.host : pull.port === push.port);
    if (!isSame || push === undefined) return issues;
    const what = expose === "route" ? "host" : "port";
    return [
        ...issues,
        {
            key: push.key,
            problem: `it has the ${what} of site.registry.mirrorBase`,
            fix: `give it a ${what} of its own`,
        },
    ];
}

/** That a certificate that is brought along is for the address of pushes, too. */
function certificateIssues({ registry, certificate }: DeploySite): ConfigIssue[] {
    const { pushHost } = registry ?? {};
    const chain = certificate?.chain ?? "";
    if (pushHost === undefined || certificateBlocks(chain).length === 0) return [];
    const name = hostName(pushHost);
    if (isForHost(chain, name)) return [];
    return [
        {
            key: "site.registry.certificate.chainFile",
            problem: `the certificate is not for ${name}, the host of site.registry.pushHost`,
            fix: `issue it again with ${name} in subjectAltName`,
        },
    ];
}
