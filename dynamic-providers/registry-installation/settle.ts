import { PassthroughError, RegistryError, toProblem } from "../../lib/errors/errors";
import { formatWithoutFix } from "../../lib/errors/format";
import { ADMINISTRATOR, type InstallationSecrets } from "../../lib/installers";
import { replaceFirstPassword } from "../../lib/registries";
import { ping } from "../../lib/registries/ping";
import { registryEndpoint, roleHost } from "../../lib/site";
import type { RegistryContext } from "../registry/registry-process";
import type { RegistryInstallationInputs } from "./kind";
import { explainRejectedPassword, isRejected, passwordFile } from "./rejected-password";

const POLL_MS = 3000;
/** A first start makes a database; one after an upgrade changes it. */
const MINUTES = 15;
/**
 * A right password is rejected for a while, too: by Harbor while its database restarts, and for 1.5 s after somebody's
 * failed login with the same name (src/core/auth/authenticator.go).
 */
const REJECTED_SECONDS = 60;
/** Quay locks a name for twice as long after each failed login, 7.5 s after the fourth (util/backoff.py). */
const REJECTED_POLL_MS = 15_000;

/**
 * Waits until the registry answers over verified TLS, gives the administrator the password that stays, and proves that the
 * registry takes it.
 * @throws RegistryError `TLS` at once, `UNAUTHORIZED` or `TOKENS_REJECTED` if it answers and rejects password or token for a minute;
 * PassthroughError `REGISTRY_UNHEALTHY` after some minutes
 */
export async function settle(
    inputs: RegistryInstallationInputs,
    { password, initial }: InstallationSecrets,
    context: RegistryContext,
    onProgress: (text: string) => void,
): Promise<void> {
    const { process, signal } = context;
    const registry = process.settings.registry(inputs);
    const account = {
        endpoint: registryEndpoint(registry, "admin"),
        credentials: { username: ADMINISTRATOR, password },
        retrySeconds: registry.retrySeconds,
        signal,
    };
    const wait = (who: typeof account.credentials | undefined, expected: readonly number[]) =>
        waitForAnswer(() => ping({ ...account, retrySeconds: 0 }, who), expected, {
            context,
            host: roleHost(registry, "admin"),
            onProgress,
        });
    try {
        if (initial !== undefined) {
            // Anybody is told by 401 that it is there.
            await wait(undefined, [200, 401]);
            await replaceFirstPassword(account, initial);
        }
        await wait(account.credentials, [200]);
    } catch (error) {
        throw explainRejectedPassword(error, passwordFile(inputs));
    }
}

interface Waiting {
    readonly context: RegistryContext;
    readonly host: string;
    readonly onProgress: (text: string) => void;
}

async function waitForAnswer(
    ask: () => Promise<number>,
    expected: readonly number[],
    { context: { process, signal }, host, onProgress }: Waiting,
): Promise<void> {
    const { clock } = process;
    const end = clock.now() + MINUTES * 60_000;
    let rejectedSince: number | undefined;
    for (;;) {
        const { problem, rejection } = await look(ask, expected, signal);
        if (problem === undefined) return;
        const now = clock.now();
        // Anything else that it says in between is of a registry that is not ready yet.
        rejectedSince = rejection === undefined ? undefined : (rejectedSince ?? now);
        if (rejectedSince !== undefined && now - rejectedSince >= REJECTED_SECONDS * 1000) throw rejection;
        if (now >= end) {
            throw new PassthroughError(`after ${MINUTES} minutes: ${problem}`, {
                code: "REGISTRY_UNHEALTHY",
                place: { registry: host },
                fix: "look at its services on the host, and whether its name leads there from here; then run again",
            });
        }
        onProgress(`waiting for ${host}: ${problem}`);
        await clock.sleep(rejection === undefined ? POLL_MS : REJECTED_POLL_MS, signal);
    }
}

/** Quay reads its keys again for one that it does not know (util/expiresdict.py), so a start is no reason for it. */
function isTokenRejected(error: unknown): error is RegistryError {
    return error instanceof RegistryError && error.code === "TOKENS_REJECTED";
}

interface Look {
    /** Why it is not as it is waited for. */
    readonly problem?: string;
    /** It answers, and rejects the password, or the token that it gives for it. */
    readonly rejection?: RegistryError;
}

async function look(ask: () => Promise<number>, expected: readonly number[], signal: AbortSignal): Promise<Look> {
    try {
        const status = await ask();
        return expected.includes(status) ? {} : { problem: `it answers with ${status}` };
    } catch (error) {
        signal.throwIfAborted();
        if (error instanceof RegistryError && error.code === "TLS") throw error;
        const problem = formatWithoutFix(toProblem(error));
        return isRejected(error) || isTokenRejected(error) ? { problem, rejection: error } : { problem };
    }
}
