import { type ErrorFacts, PassthroughError } from "../errors/errors";

/** Which cluster, and what was asked of it. */
export interface ClusterContext {
    /** URL of the API. */
    readonly server: string;
    /** "PATCH configmaps/registry-ca in openshift-config" */
    readonly operation?: string | undefined;
}

/** The API of a cluster reported an error or sent something unexpected, or could not be reached. */
export class ClusterError extends PassthroughError {
    /** URL of the API. */
    readonly server: string;

    constructor(problem: string, { server, ...facts }: Omit<ErrorFacts, "place"> & ClusterContext) {
        super(problem, { ...facts, place: { cluster: server } });
        this.server = server;
    }
}

const PASSING = new Set([429, 500, 502, 503, 504]);

/** True for a status of an API server, or of a load balancer before it, that passes by itself. */
export function isPassingStatus(status: number): boolean {
    return PASSING.has(status);
}

/** True if the same request may succeed later without anybody changing anything. */
export function isPassing(error: unknown): error is ClusterError {
    if (!(error instanceof ClusterError)) return false;
    return error.code === "CLUSTER_UNREACHABLE" || (error.status !== undefined && isPassingStatus(error.status));
}
