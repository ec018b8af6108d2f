import { type Site, registryEndpoint } from "../../lib/site";
import type { MirrorBase } from "../../lib/mirror/mirror-reference";
import { RegistryError, toProblem } from "../../lib/errors/errors";
import { noRegistryError } from "../../lib/distribution/client/greeting";
import { RegistryClient, requestsFor } from "../../lib/distribution/client/registry-client";
import { DEFAULT_RETRY } from "../../lib/distribution/limits/retry";
import type { FoundAccount } from "./credentials";

/**
 * Connects to a site's registry for one command, and closes the connections after it. The first request is
 * `GET /v2/`: if the registry cannot be reached or rejects the account, nothing else is tried.
 * @throws RegistryError with the host, the account, where the account is from and what to change there
 */
export async function withSiteRegistry<T>(
    site: Site,
    account: FoundAccount,
    signal: AbortSignal,
    use: (client: RegistryClient, base: MirrorBase) => Promise<T>,
): Promise<T> {
    const client = siteClient(site, account, signal);
    try {
        await checkAccount(client, account);
        return await use(client, site.registry.mirror).catch((error: unknown) => {
            throw withAccount(account, error);
        });
    } finally {
        await client.close();
    }
}

/**
 * A client of a site's registry; the caller closes it.
 * @param retrySeconds how long an operation may keep failing; absent: as the site says
 */
export function siteClient(
    { registry, concurrency }: Site,
    { credentials, role }: FoundAccount,
    signal: AbortSignal,
    retrySeconds = registry.retrySeconds,
): RegistryClient {
    return new RegistryClient({
        endpoint: registryEndpoint(registry, role),
        credentials,
        requests: registry.requests ?? requestsFor(concurrency),
        maxBody: registry.maxBody,
        retry: { ...DEFAULT_RETRY, seconds: retrySeconds },
        signal,
    });
}

/** Names the rejected account and the fix already: with two clients, the outer one must not add its own account. */
class AccountRejected extends RegistryError {}

/** A token endpoint rejects with an error of its own; a registry with passwords answers 401. */
async function checkAccount(client: RegistryClient, account: FoundAccount): Promise<void> {
    const { host } = client;
    const response = await client.ping().catch((error: unknown) => {
        if (error instanceof RegistryError && error.status === 401 && error.code !== "TOKENS_REJECTED") return error;
        throw error;
    });
    if (response instanceof RegistryError) throw accountRejected(response, account, account.fix);
    if (response === 401) throw accountRejected(passwordRejected(host, account), account, account.fix);
    if (response === 404) throw noRegistryError(host);
}

function passwordRejected(registry: string, { credentials: { username } }: FoundAccount): RegistryError {
    const facts = { registry, operation: "GET /v2/", code: "UNAUTHORIZED", status: 401 } as const;
    return new RegistryError(`the registry rejected the account ${username}`, facts);
}

/** A registry with an anonymous `GET /v2/` rejects a wrong account only now; likewise an account without the right. */
function withAccount(account: FoundAccount, error: unknown): unknown {
    if (!(error instanceof RegistryError) || error instanceof AccountRejected) return error;
    if (error.status === 403) return accountRejected(error, account, error.fix);
    if (error.status !== 401 || error.code === "TOKENS_REJECTED") return error;
    return accountRejected(error, account, `${account.fix}; or give it the right it lacks there`);
}

/** The error with the place that the account is from. */
function accountRejected(
    error: RegistryError,
    { credentials, from }: FoundAccount,
    fix: string | undefined,
): RegistryError {
    const { problem, ...facts } = toProblem(error);
    const { registry } = error;
    return new AccountRejected(`${problem} (${credentials.username} is from ${from})`, {
        ...facts,
        registry,
        fix,
        cause: error,
    });
}
