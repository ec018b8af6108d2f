import { setTimeout as delay } from "node:timers/promises";
import { RegistryError } from "./errors";

/** How long an operation may keep failing in ways that pass by themselves. */
export interface RetryPolicy {
    /** Seconds from the first failure until the operation gives up. */
    readonly seconds: number;
    /** Milliseconds before the first repetition; doubles each time up to `longestDelay`. */
    readonly firstDelay: number;
    /** Milliseconds. */
    readonly longestDelay: number;
}

/** A registry that restarts, a switch that reboots: both are back within this. */
export const DEFAULT_RETRY: RetryPolicy = { seconds: 60, firstDelay: 250, longestDelay: 8000 };

const PASSING_STATUS = new Set([408, 429, 500, 502, 503, 504]);

/** True if the same request may well succeed later without anybody changing anything. */
export function isRetryable(error: unknown): boolean {
    if (!(error instanceof RegistryError)) return false;
    if (error.code === "NETWORK" || error.code === "TIMEOUT") return true;
    return error.status !== undefined && PASSING_STATUS.has(error.status);
}

/**
 * Runs an idempotent operation until it succeeds, fails for good, or has been failing for `policy.seconds`.
 * A Retry-After of the registry is honoured as the least wait; one that reaches past the policy ends the attempts.
 * @throws the last error of the operation, or the signal's reason.
 */
export async function withRetry<T>(
    policy: RetryPolicy,
    signal: AbortSignal | undefined,
    operation: () => Promise<T>,
): Promise<T> {
    let firstFailure: number | undefined;
    for (let wait = policy.firstDelay; ; wait = Math.min(wait * 2, policy.longestDelay)) {
        signal?.throwIfAborted();
        try {
            return await operation();
        } catch (error) {
            signal?.throwIfAborted();
            if (!isRetryable(error)) throw error;
            firstFailure ??= Date.now();
            const asked = error instanceof RegistryError ? (error.retryAfter ?? 0) * 1000 : 0;
            const pause = Math.max(asked, wait * (0.9 + Math.random() * 0.2));
            if (Date.now() + pause > firstFailure + policy.seconds * 1000) throw error;
            // Its own AbortError would hide why.
            await delay(pause, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted());
        }
    }
}
