import type { ClusterClient, KubernetesObject } from "../../kubernetes/cluster-client";
import { ROLLOUT_PATHS } from "../rollout/rollout-objects";
import { parseAddressRange } from "./address-range";

interface AddressedNode extends KubernetesObject {
    readonly status?: { readonly addresses?: readonly { readonly type: string; readonly address: string }[] };
}

export interface FoundAddresses {
    /** Of all nodes, of both families, sorted. */
    readonly addresses: readonly string[];
    /** Names of the nodes that have none that packets may come from, sorted: one that has just joined, or is set up wrongly. */
    readonly without: readonly string[];
}

/** Types of NodeAddress (k8s.io/api core/v1) that packets of a node may come from; the others are names. */
const TYPES = ["InternalIP", "ExternalIP"];

/**
 * The addresses of the nodes of a cluster.
 * @throws ClusterError if they could not be read
 */
export async function readNodeAddresses(client: ClusterClient): Promise<FoundAddresses> {
    const nodes = (await client.list<AddressedNode>(ROLLOUT_PATHS.nodes)) ?? [];
    const found = nodes.map(({ metadata: { name }, status }) => ({ name, addresses: usableAddresses(status) }));
    return {
        addresses: [...new Set(found.flatMap(({ addresses }) => addresses))].sort(),
        without: found.flatMap(({ name, addresses }) => (addresses.length === 0 ? [name] : [])).sort(),
    };
}

function usableAddresses(status: AddressedNode["status"]): string[] {
    const addresses = status?.addresses ?? [];
    return addresses.flatMap(({ type, address }) =>
        TYPES.includes(type) && "cidr" in parseAddressRange(address) ? [address] : [],
    );
}
