/** How far a cluster is with one step. */
export type RolloutResult =
    | { readonly state: "done" }
    | {
          /** It has not happened yet. */
          readonly state: "waiting";
          /** "worker: 3 of 5 nodes". */
          readonly waitingFor: readonly string[];
          /** Who is to act: an operator has not taken the change, or it has, and the nodes follow. */
          readonly stage: "operator" | "nodes";
          /** What to do if it does not happen in time; absent: what helps in most cases. */
          readonly fix?: string | undefined;
      }
    /** It will not happen by itself. */
    | { readonly state: "failed"; readonly problem: string; readonly fix: string };

export const DONE: RolloutResult = { state: "done" };

/** Waiting for nodes, or done if there is nothing to wait for. */
export function waitingForNodes(reasons: readonly string[], fix?: string): RolloutResult {
    if (reasons.length === 0) return DONE;
    return { state: "waiting", waitingFor: reasons, stage: "nodes", ...(fix === undefined ? {} : { fix }) };
}

/** Waiting for an operator to take the change, or done if there is nothing to wait for. */
export function waitingForOperator(reasons: readonly string[], fix?: string): RolloutResult {
    if (reasons.length === 0) return DONE;
    return { state: "waiting", waitingFor: reasons, stage: "operator", ...(fix === undefined ? {} : { fix }) };
}

/** Several steps as one: failed if one has failed, else waiting for all that is not done. */
export function combineResults(results: readonly RolloutResult[]): RolloutResult {
    const failed = results.find(({ state }) => state === "failed");
    if (failed !== undefined) return failed;
    const waiting = results.filter((result) => result.state === "waiting");
    if (waiting.length === 0) return DONE;
    const fix = waiting.find((result) => result.fix !== undefined)?.fix;
    return {
        state: "waiting",
        ...(fix === undefined ? {} : { fix }),
        waitingFor: waiting.flatMap((result) => result.waitingFor),
        stage: waiting.some(({ stage }) => stage === "operator") ? "operator" : "nodes",
    };
}
