import { type ErrorFacts, PassthroughError, toProblem } from "../../lib/errors/errors";
import type { Problem } from "../../lib/errors/problem";
import { clusterKey } from "../../lib/site";
import type { ClusterInputs } from "./cluster-kind";

type Cluster = Pick<ClusterInputs, "cluster">;

/** "cluster", or "cluster west" where a site has several. */
export function clusterName({ cluster }: Cluster): string {
    return cluster === "" ? "cluster" : `cluster ${cluster}`;
}

/** A line of a resource's log: which cluster it is about, and the text with the keys of that cluster. */
export function clusterLine(inputs: Cluster, text: string): string {
    return `${clusterName(inputs)}: ${withClusterKeys(inputs, text)}`;
}

/**
 * Runs what one of a site's clusters is asked or gets.
 * @throws what the operation throws; where a site has several clusters, the error names this one and its keys
 */
export async function withClusterName<T>(inputs: Cluster, operation: () => Promise<T>): Promise<T> {
    try {
        return await operation();
    } catch (error) {
        throw namedError(inputs, error);
    }
}

/** The same for an error that was caught. */
export function namedError(inputs: Cluster, error: unknown): unknown {
    if (inputs.cluster === "" || !(error instanceof PassthroughError)) return error;
    const { problem, ...facts } = toProblem(error);
    return clusterError(inputs, problem, facts);
}

/** An error of one cluster: its thing is the cluster, or the thing in it, and its fixes name the keys of that cluster. */
export function clusterError(inputs: Cluster, problem: string, facts: ErrorFacts): PassthroughError {
    const { thing } = facts;
    const name = clusterName(inputs);
    return new PassthroughError(problem, {
        ...withKeysOfFixes(inputs, { ...facts, problem }),
        thing: thing === undefined ? name : `${name}: ${thing}`,
    });
}

function withKeysOfFixes(inputs: Cluster, problem: Problem): Problem {
    const { fix, problems } = problem;
    return {
        ...problem,
        ...(fix === undefined ? {} : { fix: withClusterKeys(inputs, fix) }),
        ...(problems === undefined
            ? {}
            : { problems: problems.map((one) => ({ ...one, problem: withKeysOfFixes(inputs, one.problem) })) }),
    };
}

/**
 * A text with the keys of this cluster. What knows one cluster only (`lib/openshift`, `lib/kubernetes`, `cluster-access`)
 * writes keys as `cluster.version`.
 */
export function withClusterKeys(inputs: Cluster, text: string): string {
    if (inputs.cluster === "") return text;
    return text.replace(
        /(?<![\w.-])cluster\.(?=(?:adopt|allowRemoval|apply|coverage|oldRules|pin|rollout|signaturePolicies|version)\b)/g,
        `${clusterKey({ name: inputs.cluster })}.`,
    );
}
