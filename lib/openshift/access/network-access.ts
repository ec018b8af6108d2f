import { type AddressRange, distinctRanges } from "./address-range";

/** Who may reach the registry, and what else the files for firewalls are written from. */
export interface NetworkAccess {
    /** Of every node that pulls. */
    readonly nodes: readonly AddressRange[];
    /** Of the machines that push, install or administer. */
    readonly others: readonly AddressRange[];
    /** Where the registry's host receives connections, if that is not the port of its name. */
    readonly port?: number;
    /** Namespaces whose pods may reach the registry and the API servers, and nothing else outside of the cluster. */
    readonly egress?: { readonly namespaces: readonly string[]; readonly apiServers: readonly AddressRange[] };
    /** Where the registry runs, if it is a pod of the cluster. */
    readonly inCluster?: RegistryPods;
}

/** The pods of a registry inside of a cluster. */
export interface RegistryPods {
    readonly namespace: string;
    /** What these pods, and no others, are labelled with. */
    readonly podLabels: Readonly<Record<string, string>>;
    /** On which the pods themselves listen. */
    readonly port: number;
}

/** What the files for firewalls are written from. */
export interface AccessInput {
    readonly access: NetworkAccess;
    /** `host[:port]` of the registry. */
    readonly registryHost: string;
    /** True for a registry without TLS. */
    readonly plainHttp: boolean;
    /** Upstream hosts that the content comes from. */
    readonly sources: readonly string[];
}

/** The registry's host name or address (IPv6 without brackets), and its port as clients know it. */
export function registryEndpoint({ registryHost, plainHttp }: AccessInput): {
    readonly host: string;
    readonly port: number;
} {
    return splitHost(registryHost, plainHttp ? 80 : 443);
}

/** `host[:port]` in its parts: an IPv6 address without its brackets. */
export function splitHost(text: string, defaultPort: number): { readonly host: string; readonly port: number } {
    const [, address, name = "", port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(text) ?? [];
    return { host: address ?? name, port: port === undefined ? defaultPort : Number(port) };
}

/** All addresses that may reach the registry, without overlaps. */
export function admittedRanges({ nodes, others }: NetworkAccess): AddressRange[] {
    return distinctRanges([...nodes, ...others]);
}
