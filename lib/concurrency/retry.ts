import { setTimeout as delay } from "node:timers/promises";
import { debug } from "../debug/debug";
import { type PassthroughError, errorMessage } from "../errors/errors";

/** How long an operation may keep failing in ways that pass by themselves. */
export interface RetryPolicy {
    /** Seconds from the first failure until the operation gives up. */
    readonly seconds: number;
    /** Milliseconds before the first repetition; doubles each time up to `longestDelay`. */
    readonly firstDelay: number;
    /** Milliseconds. */
    readonly longestDelay: number;
}

/** How `repeat` goes about an operation. */
interface Repetition<E extends PassthroughError> {
    readonly policy: RetryPolicy;
    readonly signal: AbortSignal | undefined;
    /** Which errors may pass by themselves. */
    readonly mayPass: (error: unknown) => error is E;
    /** Called before each wait with its reason and its milliseconds. */
    readonly onWait?: (error: E, milliseconds: number) => void;
}

/**
 * Runs an idempotent operation until it succeeds, fails for good, or has been failing for `policy.seconds`.
 * A Retry-After of the server is honoured as the least wait; one that reaches past the policy ends the attempts.
 * @param operation calls what it is given when it has gone on: failing is counted anew from there
 * @throws the last error of the operation, or the signal's reason.
 */
export async function repeat<T, E extends PassthroughError>(
    { policy, signal, mayPass, onWait }: Repetition<E>,
    operation: (goneOn: () => void) => Promise<T>,
): Promise<T> {
    let firstFailure: number | undefined;
    let wait = policy.firstDelay;
    const goneOn = () => {
        firstFailure = undefined;
        wait = policy.firstDelay;
    };
    for (;;) {
        signal?.throwIfAborted();
        try {
            return await operation(goneOn);
        } catch (error) {
            signal?.throwIfAborted();
            if (!mayPass(error)) throw loggedFailure("not repeated", error);
            firstFailure ??= Date.now();
            const asked = (error.retryAfter ?? 0) * 1000;
            const pause = Math.max(asked, wait * (0.9 + Math.random() * 0.2));
            const failedFor = Date.now() - firstFailure;
            if (failedFor + pause > policy.seconds * 1000)
                throw loggedFailure(`given up after ${failedFor} ms of ${policy.seconds} s`, error);
            debug("retry", () => `again in ${Math.round(pause)} ms, failing for ${failedFor} ms: ${error.message}`);
            onWait?.(error, pause);
            // Its own AbortError would hide why.
            await delay(pause, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted());
            wait = Math.min(wait * 2, policy.longestDelay);
        }
    }
}

function loggedFailure(what: string, error: unknown): unknown {
    debug("retry", () => `${what}: ${errorMessage(error)}`);
    return error;
}
