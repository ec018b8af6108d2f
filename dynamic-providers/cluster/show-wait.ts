import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import type { NodeExpectation } from "../../lib/openshift/rollout/check-nodes";
import { type WaitOptions, waitForNodes } from "../../lib/openshift/rollout/wait-for-nodes";
import { ProgressRow } from "../lifecycle/progress-row";
import type { RegistryContext } from "../registry/registry-process";

/**
 * Waits until all nodes have what is expected, and shows on the resource's row what it waits for.
 * @returns what nodes still lack; nothing unless only operators were to be waited for
 * @throws PassthroughError `ROLLOUT_FAILED`, `ROLLOUT_TIMEOUT`; the reason of an interrupt
 */
export async function showWait(
    client: ClusterClient,
    expectation: NodeExpectation,
    options: Pick<WaitOptions, "bounds" | "until">,
    { process: { clock }, signal, log }: RegistryContext,
): Promise<readonly string[]> {
    const row = new ProgressRow(log);
    try {
        return await waitForNodes(client, expectation, {
            ...options,
            signal,
            clock,
            onProgress: (text) => row.show(text),
        });
    } finally {
        row.stop();
    }
}
