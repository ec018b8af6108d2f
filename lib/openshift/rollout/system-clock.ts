import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "./wait-for-nodes";

/** Time as it is. */
export const SYSTEM_CLOCK: Clock = {
    now: () => Date.now(),
    sleep: async (milliseconds, signal) => {
        await delay(milliseconds, undefined, { signal }).catch((error: unknown) => {
            signal.throwIfAborted();
            throw error;
        });
    },
};
