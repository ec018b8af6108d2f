import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import type { NodeExpectation } from "../../lib/openshift/rollout/check-nodes";
import { waitForNodes } from "../../lib/openshift/rollout/wait-for-nodes";
import { ProgressRow } from "../lifecycle/progress-row";
import type { RegistryContext } from "../registry/registry-process";
import type { ClusterTrustInputs } from "./kind";

/**
 * Waits until all nodes have what is expected, and shows on the resource's row what it waits for.
 * @throws PassthroughError `ROLLOUT_FAILED`, `ROLLOUT_TIMEOUT`; the reason of an interrupt
 */
export async function showWait(
    client: ClusterClient,
    expectation: NodeExpectation,
    { wait: bounds }: Pick<ClusterTrustInputs, "wait">,
    { process: { clock }, signal, log }: RegistryContext,
): Promise<void> {
    const row = new ProgressRow(log);
    try {
        await waitForNodes(client, expectation, { signal, clock, bounds, onProgress: (text) => row.show(text) });
    } finally {
        row.stop();
    }
}
