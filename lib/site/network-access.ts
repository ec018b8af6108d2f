import { isLoopback } from "../http/loopback";
import { DEFAULT_UPSTREAM_HOSTS } from "../mirror/upstreams";
import { parseSourceKey } from "../oci/reference";
import {
    type AddressRange,
    type NetworkAccess,
    type TargetFiles,
    parseAddressRange,
    renderAccess,
    splitHost,
} from "../openshift";
import type { ConfigIssue } from "./config-issue";
import { allImages } from "./content";
import { DNS_LABEL } from "./dns-label";
import { keyFix } from "./issues";
import type { MirroredContent } from "./mirror-policy";
import type { SiteDocument } from "./schema";
import type { TargetRegistry } from "./target-files";

const KEY = "site.networkAccess";
/** Kubernetes: [prefix/]name, and a value that may be empty. */
const LABEL_NAME = /^([a-z0-9.-]{1,253}\/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$/;
/** Namespaces whose pods run the cluster. */
const PLATFORM = /^(openshift|kube)(-|$)/;

/**
 * Who may reach the registry; undefined if it is not configured.
 * @param issues receives what is wrong, by key
 */
export function readNetworkAccess(
    { networkAccess: configured }: SiteDocument,
    registryHost: string | undefined,
    issues: ConfigIssue[],
): NetworkAccess | undefined {
    if (configured === undefined) return undefined;
    const { nodes, others = [], port, egress, inCluster } = configured;
    const access = {
        nodes: readRanges(`${KEY}.nodes`, nodes, issues),
        others: readRanges(`${KEY}.others`, others, issues),
        ...(port === undefined ? {} : { port }),
        ...(inCluster === undefined ? {} : { inCluster }),
        ...(egress === undefined
            ? {}
            : {
                  egress: {
                      namespaces: [...new Set(egress.namespaces)],
                      apiServers: readRanges(`${KEY}.egress.apiServers`, egress.apiServers, issues),
                  },
              }),
    };
    issues.push(...namespaceIssues(configured), ...podIssues(configured));
    if (registryHost !== undefined) issues.push(...registryIssues(configured, access.nodes, registryHost));
    return access;
}

function readRanges(key: string, texts: readonly string[], issues: ConfigIssue[]): AddressRange[] {
    return texts.flatMap((text, at) => {
        const range = parseAddressRange(text);
        if ("cidr" in range) return [range];
        issues.push({ key: `${key}[${at}]`, ...range });
        return [];
    });
}

type Configured = NonNullable<SiteDocument["networkAccess"]>;

function namespaceIssues({ egress, inCluster }: Configured): ConfigIssue[] {
    const key = `${KEY}.egress.namespaces`;
    const named = (egress?.namespaces ?? []).map((name, at) => ({ key: `${key}[${at}]`, name }));
    const platform = named
        .filter(({ name }) => PLATFORM.test(name))
        .map(({ key, name }) => ({
            key,
            problem: `${name} is a namespace of the platform, whose pods need more than the registry`,
            fix: "leave it out",
        }));
    const all =
        inCluster === undefined ? named : [...named, { key: `${KEY}.inCluster.namespace`, name: inCluster.namespace }];
    const invalid = all
        .filter(({ name }) => !DNS_LABEL.test(name))
        .map(({ key, name }) => ({
            key,
            problem: `${JSON.stringify(name)} is not a valid name for a namespace`,
            fix: "write lower-case letters, digits and hyphens, at most 63 of them",
        }));
    return [...platform, ...invalid];
}

function podIssues({ inCluster }: Configured): ConfigIssue[] {
    if (inCluster === undefined) return [];
    const key = `${KEY}.inCluster.podLabels`;
    const labels = Object.entries(inCluster.podLabels);
    if (labels.length === 0) {
        const problem = "without a label the policy would apply to every pod of the namespace";
        return [{ key, problem, fix: keyFix(key) }];
    }
    return labels
        .filter(([name, value]) => !LABEL_NAME.test(name) || !LABEL_VALUE.test(value))
        .map(([name, value]) => ({
            key,
            problem: `${JSON.stringify(`${name}: ${value}`)} is not a label of Kubernetes`,
            fix: keyFix(key),
        }));
}

function registryIssues(
    { inCluster }: Configured,
    nodes: readonly AddressRange[],
    registryHost: string,
): ConfigIssue[] {
    if (isLoopback(registryHost)) {
        const problem = `the registry ${registryHost} is on loopback, which no other machine reaches`;
        const fix = "leave it out, or name the registry in site.registry.mirrorBase as nodes reach it";
        return [{ key: KEY, problem, fix }];
    }
    const { host } = splitHost(registryHost, 443);
    if (inCluster !== undefined && /\.svc(\.|$)/.test(host)) {
        const problem = `${host} is the name of a Service, which nodes do not resolve`;
        const fix = "expose the registry by a Route, and name its host in site.registry.mirrorBase";
        return [{ key: `${KEY}.inCluster`, problem, fix }];
    }
    const address = parseAddressRange(host);
    const own = nodes.findIndex(({ cidr }) => "cidr" in address && cidr === address.cidr);
    if (own < 0) return [];
    const problem = `${host} is the address of the registry itself, which always reaches it`;
    return [{ key: `${KEY}.nodes[${own}]`, problem, fix: "list the addresses of the nodes" }];
}

/**
 * The files for firewalls, below the folder `access/`, and what people should know of them; none if nothing is
 * configured.
 */
export function accessFiles(
    site: Omit<MirroredContent, "cluster"> & { readonly networkAccess?: NetworkAccess | undefined },
    { mirror, plainHttp = false }: TargetRegistry,
): TargetFiles {
    const { networkAccess: access, content, upstreams } = site;
    if (access === undefined) return { files: {}, notes: [] };
    const own = Object.keys(allImages(content)).map((source) => parseSourceKey(source).registry);
    const named = [...own, ...(upstreams ?? [])];
    return renderAccess({
        access,
        registryHost: mirror.host,
        plainHttp,
        sources: named.length > 0 ? named : DEFAULT_UPSTREAM_HOSTS,
    });
}
