import type { ClusterClient, KubernetesObject } from "../../kubernetes/cluster-client";
import { ROLLOUT_PATHS } from "../rollout/rollout-objects";
import { parseAddressRange } from "./address-range";

interface AddressedNode extends KubernetesObject {
    readonly status?: { readonly addresses?: readonly { readonly type: string; readonly address: string }[] };
}

/** Types of NodeAddress (k8s.io/api core/v1) that packets of a node may come from; the others are names. */
const TYPES = ["InternalIP", "ExternalIP"];

/**
 * The addresses of all nodes of a cluster, of both families, sorted. A node that has none yet, since it has just joined, has
 * none here.
 * @throws ClusterError if they could not be read
 */
export async function readNodeAddresses(client: ClusterClient): Promise<readonly string[]> {
    const nodes = (await client.list<AddressedNode>(ROLLOUT_PATHS.nodes)) ?? [];
    const found = nodes.flatMap(({ status }) => status?.addresses ?? []);
    const addresses = found.filter(({ type, address }) => TYPES.includes(type) && "cidr" in parseAddressRange(address));
    return [...new Set(addresses.map(({ address }) => address))].sort();
}
