import { PassthroughError, toProblem } from "../../lib/errors/errors";
import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import type { NodeExpectation } from "../../lib/openshift/rollout/check-nodes";
import { type WaitOptions, waitForNodes } from "../../lib/openshift/rollout/wait-for-nodes";
import { ProgressRow } from "../lifecycle/progress-row";
import type { RegistryContext } from "../registry/registry-process";
import type { ClusterInputs } from "./cluster-kind";
import { clusterLine, namedError } from "./cluster-name";

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

/**
 * Runs a wait for nodes that the site may not want (`cluster.rollout.wait: false`). Then only the operator is waited for; what
 * nodes still lack, or why they cannot get it, is logged.
 * @returns what nodes still lack; nothing if they were waited for
 * @throws what the wait throws, but no `ROLLOUT_FAILED` if nodes are not to be waited for
 */
export async function waitIfWanted(
    inputs: Pick<ClusterInputs, "cluster"> & { readonly wait: boolean },
    { log }: Pick<RegistryContext, "log">,
    wait: (until: "nodes" | "operator") => Promise<readonly string[]>,
): Promise<readonly string[]> {
    try {
        const behind = await wait(inputs.wait ? "nodes" : "operator");
        if (behind.length > 0) log.line("info", clusterLine(inputs, `not waited for: ${behind.join("; ")}`));
        return behind;
    } catch (error) {
        // A paused or degraded pool is why somebody does not want to wait.
        if (inputs.wait || !(error instanceof PassthroughError) || error.code !== "ROLLOUT_FAILED") throw error;
        const { problem, fix = "" } = toProblem(namedError(inputs, error));
        log.line("warning", clusterLine(inputs, `${problem}; ${fix}`));
        return [problem];
    }
}
