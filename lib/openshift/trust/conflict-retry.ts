import { toProblem } from "../../errors/errors";
import type { Clock } from "../rollout/wait-for-nodes";

/** How writes to a cluster are repeated, and ended. */
export interface WriteOptions {
    readonly clock: Clock;
    readonly signal: AbortSignal;
}

const ATTEMPTS = 10;
const FIRST_DELAY_MS = 100;

/**
 * Runs a read-modify-write, again from the read if something else has written in between.
 * @param attempt must leave nothing undone that its repetition would not do
 * @throws ClusterError `CLUSTER_CONFLICT`, `CLUSTER_OBJECT_EXISTS` if something else writes again and again
 */
export async function retryConflicts<T>({ clock, signal }: WriteOptions, attempt: () => Promise<T>): Promise<T> {
    for (let failures = 0; ; failures++) {
        signal.throwIfAborted();
        try {
            return await attempt();
        } catch (error) {
            if (!isConflict(error) || failures + 1 >= ATTEMPTS) throw error;
        }
        await clock.sleep(FIRST_DELAY_MS * (failures + 1), signal);
    }
}

/** True if something else has changed or created the object in between. */
export function isConflict(error: unknown): boolean {
    const { code } = toProblem(error);
    return code === "CLUSTER_CONFLICT" || code === "CLUSTER_OBJECT_EXISTS";
}
