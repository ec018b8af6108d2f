import type { Site } from "../../lib/site";
import { type MirrorBase, parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { RegistryError } from "../../lib/errors/errors";
import { RegistryClient, requestsFor } from "../../lib/distribution/client/registry-client";
import { DEFAULT_RETRY } from "../../lib/distribution/limits/retry";
import type { FoundAccount } from "./credentials";

/**
 * Opens a site's registry for one command and closes it after. The registry is greeted first: one that cannot be
 * reached, or that refuses the account, ends the command before anything else is tried.
 * @throws RegistryError that names host, account, where the account is from and what to change there
 */
export async function withSiteRegistry<T>(
    site: Site,
    account: FoundAccount,
    signal: AbortSignal,
    use: (client: RegistryClient, base: MirrorBase) => Promise<T>,
): Promise<T> {
    const base = parseMirrorBase(site.registry.mirrorBase);
    const client = siteClient(site, account, signal);
    try {
        await greet(client, base.host, account);
        return await use(client, base).catch((error: unknown) => {
            throw refusedLater(base.host, account, error);
        });
    } finally {
        await client.close();
    }
}

/**
 * A client of a site's registry; whoever makes it closes it.
 * @param retrySeconds how long an operation may keep failing; absent: as the site says
 */
export function siteClient(
    { registry, concurrency }: Site,
    { credentials }: FoundAccount,
    signal: AbortSignal,
    retrySeconds = registry.retrySeconds,
): RegistryClient {
    return new RegistryClient({
        endpoint: {
            host: parseMirrorBase(registry.mirrorBase).host,
            ...(registry.ca === undefined ? {} : { ca: registry.ca }),
            ...(registry.plainHttp === undefined ? {} : { plainHttp: registry.plainHttp }),
        },
        credentials,
        requests: registry.requests ?? requestsFor(concurrency),
        retry: { ...DEFAULT_RETRY, seconds: retrySeconds },
        signal,
    });
}

/** Says already which account was refused, and what to do: also where two accounts are used at once. */
class AccountRefused extends RegistryError {}

/** A token endpoint refuses in its own words; a registry with passwords just says 401. */
async function greet(client: RegistryClient, host: string, account: FoundAccount): Promise<void> {
    const greeted = await client.ping().catch((error: unknown) => {
        if (error instanceof RegistryError && error.status === 401) return error;
        throw error;
    });
    if (greeted === 401 || greeted instanceof RegistryError) throw refused(host, account, greeted);
    if (greeted !== 404) return;
    throw new RegistryError(`GET ${host}/v2/`, "there is no registry here (404)", {
        code: "UNEXPECTED_ANSWER",
        status: 404,
        fix: "check host and port of site.registry.mirrorBase, and what stands in front of the registry",
    });
}

/** A registry that lets anybody greet it refuses a wrong account only now; one that lacks a right, too. */
function refusedLater(host: string, { credentials, from, fix }: FoundAccount, error: unknown): unknown {
    if (
        !(error instanceof RegistryError) ||
        error instanceof AccountRefused ||
        (error.status !== 401 && error.status !== 403)
    )
        return error;
    const { operation, code, status } = error;
    const said = error.message.slice(`${operation}: `.length).replace(`; ${error.fix ?? ""}`, "");
    const what = `${said}, asked of ${host} as ${credentials.username}, from ${from}`;
    const own = status === 401 ? `${fix}; or give it the right it lacks there` : error.fix;
    return new AccountRefused(operation, what, {
        code,
        status,
        cause: error,
        ...(own === undefined ? {} : { fix: own }),
    });
}

function refused(host: string, { credentials, from, fix }: FoundAccount, cause: unknown): RegistryError {
    const what = `the registry refuses the account ${credentials.username}, which is from ${from}`;
    return new AccountRefused(`GET ${host}/v2/`, what, { code: "UNAUTHORIZED", status: 401, fix, cause });
}
