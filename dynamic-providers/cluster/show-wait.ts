import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import type { NodeExpectation } from "../../lib/openshift/rollout/check-nodes";
import { type WaitOptions, waitForNodes } from "../../lib/openshift/rollout/wait-for-nodes";
import { ProgressRow } from "../lifecycle/progress-row";
import type { RegistryContext } from "../registry/registry-process";

/** What a wait gets from the operation that it is part of. */
type OperationOptions = Pick<WaitOptions, "signal" | "clock" | "onProgress">;

/**
 * Waits until all nodes have what is expected, and shows on the resource's row what it waits for.
 * @returns what nodes still lack; nothing unless only operators were to be waited for
 * @throws PassthroughError `ROLLOUT_FAILED`, `ROLLOUT_TIMEOUT`; the reason of an interrupt
 */
export async function showWait(
    client: ClusterClient,
    expectation: NodeExpectation,
    options: Pick<WaitOptions, "bounds" | "until">,
    context: RegistryContext,
): Promise<readonly string[]> {
    return showProgress(context, (own) => waitForNodes(client, expectation, { ...options, ...own }));
}

/** Shows on the resource's row what any wait is waiting for. */
export async function showProgress<T>(
    { process: { clock }, signal, log }: RegistryContext,
    wait: (options: OperationOptions) => Promise<T>,
): Promise<T> {
    const row = new ProgressRow(log);
    try {
        return await wait({ signal, clock, onProgress: (text) => row.show(text) });
    } finally {
        row.stop();
    }
}
