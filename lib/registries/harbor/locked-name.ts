import { setTimeout as delay } from "node:timers/promises";
import { debug } from "../../debug/debug";
import type { AdminResponse } from "../admin-client";
import type { RegistryAccount } from "../registry-admin";

/**
 * For so long Harbor refuses every login of a user's name after one that failed, whoever failed, without a look at the
 * password (src/core/auth/authenticator.go, lock.go). Seen on 2.15.2: such a refusal comes at once, that of a wrong
 * password after this time.
 */
const LOCK_MS = 1500;
/** Longer than a few people and jobs with a wrong password keep a name locked. */
const LONGEST_MS = 10_000;

/**
 * Sends a call again that was refused because its account's name was locked: the password may well be right.
 * @param send the call; nothing is done by one that is refused
 * @param lock milliseconds
 * @returns the first response that is no such refusal, or the last one where the name stays locked
 */
export async function whenUnlocked(
    { retrySeconds, signal }: Pick<RegistryAccount, "retrySeconds" | "signal">,
    send: () => Promise<AdminResponse>,
    lock = LOCK_MS,
): Promise<AdminResponse> {
    const end = performance.now() + Math.min(retrySeconds * 1000, LONGEST_MS);
    for (;;) {
        const start = performance.now();
        const response = await send();
        const isJudged = performance.now() - start >= lock;
        if (response.status !== 401 || isJudged || performance.now() + lock > end) return response;
        debug("retry", () => `again in ${lock} ms: ${response.context.operation ?? ""}: the account's name is locked`);
        await delay(lock, undefined, signal === undefined ? {} : { signal }).catch(() => signal?.throwIfAborted());
    }
}
