import { type Site, registryEndpoint } from "../../lib/site";
import type { MirrorBase } from "../../lib/mirror/mirror-reference";
import { RegistryError } from "../../lib/errors/errors";
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
    const base = site.registry.mirror;
    const client = siteClient(site, account, signal);
    try {
        await checkAccount(client, base.host, account);
        return await use(client, base).catch((error: unknown) => {
            throw withAccount(base.host, account, error);
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
    { credentials }: FoundAccount,
    signal: AbortSignal,
    retrySeconds = registry.retrySeconds,
): RegistryClient {
    return new RegistryClient({
        endpoint: registryEndpoint(registry),
        credentials,
        requests: registry.requests ?? requestsFor(concurrency),
        retry: { ...DEFAULT_RETRY, seconds: retrySeconds },
        signal,
    });
}

/** Names the rejected account and the fix already: with two clients, the outer one must not add its own account. */
class AccountRejected extends RegistryError {}

/** A token endpoint rejects with an error of its own; a registry with passwords answers 401. */
async function checkAccount(client: RegistryClient, host: string, account: FoundAccount): Promise<void> {
    const response = await client.ping().catch((error: unknown) => {
        if (error instanceof RegistryError && error.status === 401) return error;
        throw error;
    });
    if (response === 401 || response instanceof RegistryError) throw rejected(host, account, response);
    if (response !== 404) return;
    throw new RegistryError("there is no registry here", {
        registry: host,
        operation: "GET /v2/",
        code: "UNEXPECTED_RESPONSE",
        status: 404,
        fix: "check host and port of site.registry.mirrorBase, and what stands in front of the registry",
    });
}

/** A registry with an anonymous `GET /v2/` rejects a wrong account only now; likewise an account without the right. */
function withAccount(host: string, { credentials, from, fix }: FoundAccount, error: unknown): unknown {
    if (
        !(error instanceof RegistryError) ||
        error instanceof AccountRejected ||
        (error.status !== 401 && error.status !== 403)
    )
        return error;
    const { operation, code, registryCode, status, problem } = error;
    return new AccountRejected(`${problem} (${credentials.username} is from ${from})`, {
        ...{ registry: host, operation, code, registryCode, status },
        fix: status === 401 ? `${fix}; or give it the right it lacks there` : error.fix,
        cause: error,
    });
}

function rejected(host: string, { credentials, from, fix }: FoundAccount, cause: unknown): RegistryError {
    return new AccountRejected(`the registry rejected the account ${credentials.username}, which is from ${from}`, {
        registry: host,
        operation: "GET /v2/",
        code: "UNAUTHORIZED",
        status: 401,
        fix,
        cause,
    });
}
