import type { Site } from "../config/site";
import type { Credentials } from "../lib/oci/auth";
import { type MirrorBase, parseMirrorBase } from "../lib/oci/mirror-reference";
import { RegistryClient, requestsFor } from "../lib/oci/registry-client";
import { DEFAULT_RETRY } from "../lib/oci/retry";

/** Opens a site's registry for one command and closes it after. */
export async function withSiteRegistry<T>(
    { registry, concurrency }: Site,
    credentials: Credentials,
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
    } finally {
        await client.close();
    }
}
