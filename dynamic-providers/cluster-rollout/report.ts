import { counted, listed } from "../../lib/errors/text";
import { pausedPools } from "../../lib/openshift/rollout/pool-rollout";
import type { PoolRules } from "../../lib/openshift/rollout/pool-rules";
import type { MachineConfigPool } from "../../lib/openshift/rollout/rollout-objects";
import { defaultTotalMinutes } from "../../lib/openshift/rollout/wait-for-nodes";
import type { ClusterRolloutInputs } from "./kind";

type Inputs = Pick<ClusterRolloutInputs, "minutes" | "wait">;

/** How many sources or pools a line names. */
const MAX_NAMES = 5;

/** What the update waits for: pools at the same time, and in each as many nodes at a time as it allows. */
export function previewLine({ wait, minutes }: Inputs, pools: readonly MachineConfigPool[]): string {
    const sizes = pools.filter(({ status }) => status?.machineCount !== 0).map(describePool);
    const names = sizes.length === 0 ? "" : `: ${sizes.join(", ")}`;
    if (!wait) return `does not wait until nodes have the rules (cluster.rollout.wait: false)${names}`;
    const most = minutes ?? defaultTotalMinutes(pools);
    return `waits for at most ${counted(most, "minute")} until every node has the rules; pools take them at the same time${names}`;
}

/** "worker (5 nodes, 2 at a time)". */
function describePool({ metadata, spec, status }: MachineConfigPool): string {
    const { maxUnavailable = 1 } = spec;
    return `${metadata.name} (${counted(status?.machineCount ?? 0, "node")}, ${maxUnavailable} at a time)`;
}

/** What keeps nodes from the rules; undefined if nothing does. */
export function pausedLine({ wait }: Inputs, pools: readonly MachineConfigPool[]): string | undefined {
    const paused = pausedPools(pools);
    if (paused.state !== "failed") return undefined;
    const then = wait
        ? "an `up` that changes them fails after it has written the rules"
        : "they get the rules when it is resumed";
    return `${paused.problem}, and ${then}; ${paused.fix}`;
}

/** How nodes differ from what the rollout has left, by pool. */
export function differenceLines(pools: readonly PoolRules[]): string[] {
    return pools.flatMap(({ pool, configuration, lacking, wanted, lackingNext }) => {
        if (lacking.length > 0) {
            return [`the nodes of pool ${pool} lack the rules of ${listed(lacking, MAX_NAMES)} (${configuration})`];
        }
        if (lackingNext.length === 0) return [];
        return [
            `the nodes of pool ${pool} are about to lose the rules of ${listed(lackingNext, MAX_NAMES)} (${wanted})`,
        ];
    });
}
