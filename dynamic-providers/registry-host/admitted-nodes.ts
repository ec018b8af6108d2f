import { PassthroughError } from "../../lib/errors/errors";
import { counted, listed } from "../../lib/errors/text";
import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import { readNodeAddresses } from "../../lib/openshift";
import { clusterName } from "../cluster/cluster-name";
import { withCluster, withReadableCluster } from "../cluster/connection";
import type { RegistryContext } from "../registry/registry-process";
import type { NodeAddresses, RegistryHostInputs, RegistryHostOutputs } from "./kind";

/** More names of nodes are no help in a line. */
const MOST_NAMES = 10;

type Admission = Pick<RegistryHostOutputs, "nodes" | "nodesOf">;

/** The clusters whose nodes are let in, sorted: "" is that of `site.cluster`; undefined: no nodes are. */
export function nodeClusters({ nodesOf }: Pick<Admission, "nodesOf">): readonly string[] | undefined {
    return nodesOf?.map(({ cluster }) => cluster).sort();
}

/** Addresses and ranges that reach the registry; empty: all do. */
export function admitted({
    allowedFrom,
    nodes = {},
}: Pick<RegistryHostOutputs, "allowedFrom" | "nodes">): readonly string[] {
    return [...allowedFrom, ...Object.values(nodes).flat()];
}

/**
 * The addresses of the nodes as they are now. A cluster that cannot be read keeps those that are known, and so does one with a
 * node whose address is not known: it may be one of them.
 * @returns undefined for a cluster of which nothing is known
 */
export async function findNodes(
    inputs: Pick<RegistryHostInputs, "selfUrn" | "nodesOf">,
    known: NodeAddresses | undefined,
    context: RegistryContext,
): Promise<Readonly<Record<string, readonly string[] | undefined>>> {
    const found: [string, readonly string[] | undefined][] = [];
    for (const connection of inputs.nodesOf ?? []) {
        const { cluster } = connection;
        const before = known?.[cluster];
        const addresses = await withReadableCluster(
            { selfUrn: inputs.selfUrn, ...connection },
            context,
            (client) => addressesNow(client, { cluster, before }, context),
            {
                otherwise:
                    before === undefined
                        ? "its nodes are asked for in the update"
                        : "whose nodes reach the registry as they did",
            },
        );
        // A cluster that says that it has no node is not believed: it would be without the registry.
        found.push([cluster, addresses === undefined || addresses.length === 0 ? before : addresses]);
    }
    return Object.fromEntries(found);
}

/** @param before addresses that its nodes had */
async function addressesNow(
    client: ClusterClient,
    { cluster, before = [] }: { readonly cluster: string; readonly before?: readonly string[] | undefined },
    { log }: Pick<RegistryContext, "log">,
): Promise<readonly string[]> {
    const { addresses, without } = await readNodeAddresses(client);
    if (without.length === 0) return addresses;
    const kept = before.filter((address) => !addresses.includes(address));
    const also = kept.length === 0 ? "" : `; these stay, since they may be theirs: ${kept.join(", ")}`;
    log.line(
        "warning",
        `${clusterName({ cluster })}: nodes without an IP address do not reach the registry by allowedNodes: ${listed(without, MOST_NAMES)}${also}`,
    );
    return [...addresses, ...kept].sort();
}

/**
 * The nodes that an update lets in. Those of a cluster that has left the site stay in: its mirror rules may still be there, as
 * after an `up` that failed before it took them away.
 * @throws PassthroughError of the API, `CLUSTER_RESPONSE_UNKNOWN` for a cluster without nodes, if nothing is known of it yet
 */
export async function nodesToAdmit(
    inputs: RegistryHostInputs,
    before: RegistryHostOutputs | undefined,
    context: RegistryContext,
): Promise<NodeAddresses> {
    if (inputs.nodesOf === undefined) return {};
    const found = await findNodes(inputs, before?.nodes, context);
    const nodes: [string, readonly string[]][] = formerNodes({ nodes: before?.nodes, nodesOf: inputs.nodesOf });
    for (const connection of inputs.nodesOf) {
        const addresses = found[connection.cluster] ?? (await requireNodes({ ...inputs, ...connection }, context));
        nodes.push([connection.cluster, addresses]);
    }
    return Object.fromEntries(nodes);
}

async function requireNodes(
    inputs: Parameters<typeof withCluster>[0],
    context: RegistryContext,
): Promise<readonly string[]> {
    const { addresses, without } = await withCluster(inputs, context, readNodeAddresses);
    if (addresses.length > 0) return addresses;
    const but = without.length === 0 ? "" : ` (${listed(without, MOST_NAMES)} have none)`;
    throw new PassthroughError(
        `${clusterName(inputs)} lists no node with an address${but}: nobody in it would reach the registry`,
        {
            code: "CLUSTER_RESPONSE_UNKNOWN",
            thing: "site.registry.deploy.host.allowedNodes",
            fix: "run again when it has nodes, or leave allowedNodes out and write their addresses to allowedFrom",
        },
    );
}

/** What differs between the nodes that are let in and those that there are, a text for each cluster. */
export function nodeDifferences(
    { nodes = {}, nodesOf }: Admission,
    found: Readonly<Record<string, readonly string[] | undefined>>,
): string[] {
    const named = nodeClusters({ nodesOf });
    return (named ?? Object.keys(nodes)).flatMap((cluster) => {
        const [before, after] = [nodes[cluster] ?? [], named === undefined ? [] : found[cluster]];
        if (after === undefined) return [];
        const missing = after.filter((address) => !before.includes(address));
        const left = before.filter((address) => !after.includes(address));
        const name = clusterName({ cluster });
        return [
            ...(missing.length === 0 ? [] : [`nodes of ${name} do not reach it yet: ${missing.join(", ")}`]),
            ...(left.length === 0
                ? []
                : [`addresses that no node of ${name} has any more reach it: ${left.join(", ")}`]),
        ];
    });
}

/** Clusters that are not read any more, with the addresses of their nodes. */
function formerNodes({ nodes = {}, nodesOf }: Admission): [string, readonly string[]][] {
    const named = nodeClusters({ nodesOf });
    return Object.entries(nodes).filter(([cluster]) => named?.includes(cluster) === false);
}

/** A text for each cluster that is not read any more, and whose nodes are still let in. */
export function formerClusters(state: Admission): string[] {
    return formerNodes(state).map(
        ([cluster, addresses]) =>
            `${clusterName({ cluster })} is not in the site any more, or without apply; its nodes still reach the registry ` +
            `(${counted(addresses.length, "address", "addresses")}): only without allowedNodes they are taken away`,
    );
}

/** What an update changes about who reaches the registry. */
export function admissionChanges(
    olds: Pick<RegistryHostOutputs, "allowedFrom" | "nodes" | "nodesOf">,
    news: Pick<RegistryHostInputs, "allowedFrom" | "nodesOf">,
): { readonly level: "info" | "warning"; readonly text: string }[] {
    const [before, after] = [olds.allowedFrom, news.allowedFrom];
    const closed = closedNodes(olds, news);
    const isOpened = before.length > 0 && isOpen(news);
    if (isOpened && closed === undefined)
        return [{ level: "warning", text: "without allowedFrom everybody reaches the registry" }];
    const added = after.filter((range) => !before.includes(range));
    const removed = isOpened ? [] : before.filter((range) => !after.includes(range));
    const only = isOpen(olds) ? "; until now everybody reached the registry" : "";
    return [
        ...(added.length === 0
            ? []
            : [{ level: "info" as const, text: `allowedFrom lets in ${added.join(", ")}${only}` }]),
        ...(removed.length === 0
            ? []
            : [{ level: "info" as const, text: `allowedFrom no longer lets in ${removed.join(", ")}` }]),
        ...(closed === undefined ? [] : [{ level: "warning" as const, text: closed }]),
    ];
}

function isOpen({ allowedFrom, nodesOf }: Pick<RegistryHostInputs, "allowedFrom" | "nodesOf">): boolean {
    return allowedFrom.length === 0 && nodesOf === undefined;
}

/** What an update takes away because `allowedNodes` is off; undefined: nothing. */
function closedNodes(
    { nodes = {} }: Admission,
    { allowedFrom, nodesOf }: Pick<RegistryHostInputs, "allowedFrom" | "nodesOf">,
): string | undefined {
    const clusters = Object.entries(nodes)
        .filter(([, found]) => found.length > 0)
        .sort();
    if (nodesOf !== undefined || clusters.length === 0) return undefined;
    const each = clusters.map(([cluster, { length }]) => `${clusterName({ cluster })}: ${length}`).join(", ");
    const addresses = clusters.flatMap(([, found]) => found);
    const total = counted(addresses.length, "address", "addresses");
    return allowedFrom.length === 0
        ? `without allowedNodes and allowedFrom everybody reaches the registry, not only ${total} of nodes (${each})`
        : `without allowedNodes, ${total} of nodes are taken away (${each}): they reach the registry only if allowedFrom has them`;
}
