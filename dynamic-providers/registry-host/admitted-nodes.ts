import { PassthroughError } from "../../lib/errors/errors";
import { readNodeAddresses } from "../../lib/openshift";
import { clusterName } from "../cluster/cluster-name";
import { withCluster, withReadableCluster } from "../cluster/connection";
import type { RegistryContext } from "../registry/registry-process";
import type { NodeAddresses, RegistryHostInputs, RegistryHostOutputs } from "./kind";

/** The clusters whose nodes are let in: "" is that of `site.cluster`. */
export function nodeClusters({ nodesOf }: Partial<Pick<RegistryHostInputs, "nodesOf">>): string[] {
    return (nodesOf ?? []).map(({ cluster }) => cluster).sort();
}

/** Addresses and ranges that reach the registry; empty: all do. */
export function admitted({
    allowedFrom,
    nodes = {},
}: Pick<RegistryHostOutputs, "allowedFrom" | "nodes">): readonly string[] {
    return [...allowedFrom, ...Object.values(nodes).flat()];
}

/**
 * The addresses of the nodes as they are now. A cluster that cannot be read keeps those that are known.
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
        const addresses = await withReadableCluster(
            { selfUrn: inputs.selfUrn, ...connection },
            context,
            readNodeAddresses,
            {
                otherwise:
                    known?.[cluster] === undefined
                        ? "its nodes are asked for in the update"
                        : "whose nodes reach the registry as they did",
            },
        );
        // A cluster that says that it has no node is not believed: it would be without the registry.
        found.push([cluster, addresses === undefined || addresses.length === 0 ? known?.[cluster] : addresses]);
    }
    return Object.fromEntries(found);
}

/**
 * The nodes that an update lets in. Those of a cluster that has just left the site stay in for this one `up`: its mirror rules
 * are taken away at its end.
 * @throws PassthroughError of the API, `CLUSTER_RESPONSE_UNKNOWN` for a cluster without nodes, if nothing is known of it yet
 */
export async function nodesToAdmit(
    inputs: RegistryHostInputs,
    before: RegistryHostOutputs | undefined,
    context: RegistryContext,
): Promise<NodeAddresses> {
    const known = before?.nodes;
    const isClosed = inputs.allowedFrom.length > 0 || (inputs.nodesOf ?? []).length > 0;
    const leaving = nodeClusters(before ?? {}).filter((cluster) => isClosed && !nodeClusters(inputs).includes(cluster));
    const kept = leaving.flatMap((cluster) => (known?.[cluster] ? [[cluster, known[cluster]] as const] : []));
    const found = await findNodes(inputs, known, context);
    const nodes: [string, readonly string[]][] = [];
    for (const connection of inputs.nodesOf ?? []) {
        const addresses = found[connection.cluster] ?? (await requireNodes({ ...inputs, ...connection }, context));
        nodes.push([connection.cluster, addresses]);
    }
    return Object.fromEntries([...kept, ...nodes]);
}

async function requireNodes(
    inputs: Parameters<typeof withCluster>[0],
    context: RegistryContext,
): Promise<readonly string[]> {
    const addresses = await withCluster(inputs, context, readNodeAddresses);
    if (addresses.length > 0) return addresses;
    throw new PassthroughError(
        `${clusterName(inputs)} lists no node with an address: nobody in it would reach the registry`,
        {
            code: "CLUSTER_RESPONSE_UNKNOWN",
            thing: "site.registry.deploy.host.allowedNodes",
            fix: "run again when it has nodes, or leave allowedNodes out and write their addresses to allowedFrom",
        },
    );
}

/** What differs between the nodes that are let in and those that there are, a text for each cluster. */
export function nodeDifferences(
    { nodes = {}, nodesOf }: Pick<RegistryHostOutputs, "nodes" | "nodesOf">,
    found: Readonly<Record<string, readonly string[] | undefined>>,
): string[] {
    const named = nodeClusters({ nodesOf });
    const clusters = [...new Set([...Object.keys(nodes), ...named])];
    return clusters.flatMap((cluster) => {
        const [before, after] = [nodes[cluster] ?? [], named.includes(cluster) ? found[cluster] : []];
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
