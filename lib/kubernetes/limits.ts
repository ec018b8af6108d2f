import type { RetryPolicy } from "../concurrency/retry";

/** How long the API of a cluster is waited for, and how much is taken from it. */
export interface ClientLimits {
    /** Milliseconds for one request with its response. */
    readonly requestTimeout: number;
    /** Milliseconds for a login plugin. */
    readonly loginTimeout: number;
    /** Bytes of one response. */
    readonly responseBytes: number;
    /** Objects of one page of a list. */
    readonly pageSize: number;
    /** Pages of one list. */
    readonly pages: number;
    readonly retry: RetryPolicy;
}

export const DEFAULT_LIMITS: ClientLimits = {
    requestTimeout: 30_000,
    loginTimeout: 60_000,
    responseBytes: 64 * 1024 * 1024,
    pageSize: 500,
    pages: 10_000,
    // An API server that a rollout restarts is back within this.
    retry: { seconds: 60, firstDelay: 250, longestDelay: 8000 },
};
