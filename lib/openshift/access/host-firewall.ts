import { RENDERED_MARK } from "../targets/target";
import type { AddressRange } from "./address-range";
import { type AccessInput, admittedRanges, registryEndpoint } from "./network-access";

const FIREWALL_TABLE = "inet registry_passthrough";
/** Before destination NAT (-100), so that published ports of containers are seen by their own number. */
const PRIORITY = -150;

/**
 * A ruleset of nftables (nft(8)) for the machine that runs the registry. Loading it replaces its own table alone, in one
 * step.
 */
export function hostFirewall(input: AccessInput): string {
    const port = input.access.port ?? registryEndpoint(input).port;
    const lines = [RENDERED_MARK, ...usage(port).map((line) => `# ${line}`)];
    return [...lines, hostRules(admittedRanges(input.access), [port])].join("\n");
}

/**
 * The rules alone: these ports of this machine are for these addresses, and for itself.
 * @param ranges without overlaps
 * @param table family and name; rules that are loaded in different ways must not replace each other
 */
export function hostRules(ranges: readonly AddressRange[], ports: readonly number[], table = FIREWALL_TABLE): string {
    const to = `fib daddr type local tcp dport ${ports.length === 1 ? String(ports[0]) : `{ ${ports.join(", ")} }`}`;
    return [
        `table ${table}`,
        `delete table ${table}`,
        `table ${table} {`,
        ...addressSet("admitted4", "ipv4_addr", ranges, 4),
        ...addressSet("admitted6", "ipv6_addr", ranges, 6),
        "    chain registry {",
        `        type filter hook prerouting priority ${PRIORITY}; policy accept;`,
        '        iifname "lo" accept',
        `        ${to} ip saddr @admitted4 accept`,
        `        ${to} ip6 saddr @admitted6 accept`,
        `        ${to} counter drop`,
        "    }",
        "}",
        "",
    ].join("\n");
}

function usage(port: number): string[] {
    return [
        "Load on the registry's host with `nft -f registry-host.nft`, and at each boot: include it from /etc/nftables.conf,",
        "or from a unit of your own where firewalld runs: nftables.service would flush what firewalld has set.",
        `Restricts who reaches port ${port} of this host, also where it is a published port of a container: it filters`,
        "before the address is translated, which rules for the input of a host and zones of firewalld do not.",
        "Cannot tell apart who is behind a proxy, a load balancer or NAT: these have one address. Restrict there as well.",
        "Containers of this host that reach the registry by its name come from the range of their bridge: admit it in",
        "site.networkAccess.others. Add new nodes before they join. Test from a machine that is not admitted.",
    ];
}

/** nft has no empty list of elements. */
function addressSet(name: string, type: string, ranges: readonly AddressRange[], family: 4 | 6): string[] {
    const addresses = ranges.filter((range) => range.family === family).map(({ cidr }) => cidr);
    return [
        `    set ${name} {`,
        `        type ${type}; flags interval;`,
        ...(addresses.length === 0 ? [] : [`        elements = { ${addresses.join(", ")} }`]),
        "    }",
    ];
}
