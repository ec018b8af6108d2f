import { counted } from "../../lib/errors/text";
import type { MachineConfigPool } from "../../lib/openshift/rollout/rollout-objects";

/** "worker: 3 nodes, infra: 1 node"; empty if there are no pools. */
export function poolSizes(pools: readonly Pick<MachineConfigPool, "metadata" | "status">[]): string {
    return pools
        .map(({ metadata, status }) => `${metadata.name}: ${counted(status?.machineCount ?? 0, "node")}`)
        .join(", ");
}
