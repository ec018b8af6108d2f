import type { TargetFiles } from "../targets/target";
import { egressFirewalls, registryPolicy } from "./cluster-policies";
import { hostFirewall } from "./host-firewall";
import { type AccessInput, type NetworkAccess, admittedRanges } from "./network-access";
import { siteFirewall } from "./site-firewall";

/** The folder of the files for firewalls, below that of a stack. */
const ACCESS_FOLDER = "access";

/**
 * The files that restrict who reaches the registry, below `access/`: each begins with what it can and cannot do. A
 * registry in a cluster gets a NetworkPolicy, any other a ruleset for its host.
 */
export function renderAccess(input: AccessInput): TargetFiles {
    const { inCluster } = input.access;
    const files: Readonly<Record<string, string | undefined>> = {
        "site-firewall.yaml": siteFirewall(input),
        "registry-host.nft": inCluster === undefined ? hostFirewall(input) : undefined,
        "egress-firewall.yaml": egressFirewalls(input),
        "registry-network-policy.yaml": inCluster === undefined ? undefined : registryPolicy(inCluster),
    };
    const rendered = Object.entries(files).flatMap(([name, content]) =>
        content === undefined ? [] : [[`${ACCESS_FOLDER}/${name}`, content] as const],
    );
    return { files: Object.fromEntries(rendered), notes: accessNotes(input.access) };
}

function accessNotes(access: NetworkAccess): string[] {
    const { others, inCluster } = access;
    const noOthers =
        "access: only nodes are admitted to the registry: not the machine that runs this program, nor installers and " +
        "bastion hosts (site.networkAccess.others)";
    const families = new Set(admittedRanges(access).map(({ family }) => family));
    const missing = families.has(6) ? "IPv4" : "IPv6";
    const oneFamily = `access: nobody reaches the registry's host over ${missing}: no address of it is admitted`;
    return [
        ...(others.length === 0 ? [noOthers] : []),
        ...(inCluster === undefined && families.size === 1 ? [oneFamily] : []),
    ];
}
