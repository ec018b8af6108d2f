import type { Site } from "../config/site";
import { type MirrorBase, parseMirrorBase } from "../lib/oci/mirror-reference";
import { RegistryError } from "../lib/oci/errors";
import { RegistryClient, requestsFor } from "../lib/oci/registry-client";
import { DEFAULT_RETRY } from "../lib/oci/retry";
import type { FoundAccount } from "./credentials";
import { say } from "./output";

/** Opens a site's registry for one command and closes it after; a refusal tells which account was refused. */
export async function withSiteRegistry<T>(
    { registry, concurrency }: Site,
    { credentials, from }: FoundAccount,
    signal: AbortSignal,
    use: (client: RegistryClient, base: MirrorBase) => Promise<T>,
): Promise<T> {
    const base = parseMirrorBase(registry.mirrorBase);
    const client = new RegistryClient({
        endpoint: {
            host: base.host,
            ...(registry.ca === undefined ? {} : { ca: registry.ca }),
            ...(registry.plainHttp === undefined ? {} : { plainHttp: registry.plainHttp }),
        },
        credentials,
        requests: registry.requests ?? requestsFor(concurrency),
        retry: { ...DEFAULT_RETRY, seconds: registry.retrySeconds },
        signal,
    });
    try {
        return await use(client, base);
    } catch (error) {
        const isRefusal = error instanceof RegistryError && (error.status === 401 || error.status === 403);
        if (isRefusal) say(`note: the account was ${credentials.username}, from ${from}`);
        throw error;
    } finally {
        await client.close();
    }
}
