import { connectedHosts } from "../../mirror/upstreams";
import { formatYaml, withUsage } from "../targets/target";
import { distinctRanges } from "./address-range";
import { type AccessInput, registryEndpoint, splitHost } from "./network-access";

const USAGE: readonly string[] = [
    "Connections for the firewall of the site, to enter where it is administered; nothing reads this file.",
    "This is the control that holds: nodes pull in the host's network, which no policy of a cluster restricts. It does",
    "not see connections inside of one network: restrict these on the registry's host (registry-host.nft).",
    "rules are for the disconnected side, the first that matches counts. mirroringHost is what the machine that creates",
    "the archives needs on the connected side; clusters need none of it.",
];

/** A row of a firewall's table. */
interface FirewallRule {
    readonly action: "allow" | "deny";
    /** Ranges, or `any`. */
    readonly from: readonly string[];
    readonly to: string;
    readonly port: number | "any";
    readonly protocol: "tcp" | "any";
    readonly why: string;
}

/** What a site's firewall has to allow and to deny. */
export function siteFirewall(input: AccessInput): string {
    return withUsage(USAGE, formatYaml({ rules: siteRules(input), mirroringHost: mirroringHost(input) }));
}

function siteRules(input: AccessInput): FirewallRule[] {
    const { nodes, others } = input.access;
    const { host: to, port } = registryEndpoint(input);
    const from = (ranges: AccessInput["access"]["nodes"]): string[] => distinctRanges(ranges).map(({ cidr }) => cidr);
    const registry = { to, port, protocol: "tcp" } as const;
    const allow = (ranges: readonly string[], why: string): FirewallRule[] =>
        ranges.length === 0 ? [] : [{ action: "allow", from: ranges, ...registry, why }];
    return [
        ...allow(from(nodes), "nodes pull; builds and image imports leave the cluster by the address of their node"),
        ...allow(from(others), "pushes, installs and administers"),
        { action: "deny", from: ["any"], ...registry, why: "nobody else needs the registry" },
        {
            action: "deny",
            from: from(nodes),
            to: "internet",
            port: "any",
            protocol: "any",
            why: "nodes need no host outside of the site: every image is at the registry",
        },
    ];
}

function mirroringHost({ sources }: AccessInput): object[] {
    return connectedHosts(sources).map(({ host, reason }) => {
        const { host: to, port } = splitHost(host, 443);
        return { action: "allow", to, port, protocol: "tcp", why: reason };
    });
}
