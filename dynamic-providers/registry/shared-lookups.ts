import type { RegistryEndpoint } from "../../lib/distribution/http/transport";
import type { Credentials } from "../../lib/http/credentials";
import { LookupCache } from "../../lib/import";
import { computeDigest } from "../../lib/oci/digest";

/**
 * What refreshes in one provider process have found, by registry and account: a resource's refresh uses what another's has
 * found with the same account. A validation does not, it looks for itself.
 */
export class SharedLookups {
    private readonly caches = new Map<string, LookupCache>();

    for(endpoint: RegistryEndpoint, { username, password }: Credentials): LookupCache {
        // A digest, so that no secret is kept as a key.
        const key = computeDigest(JSON.stringify([endpoint, username, password]));
        const known = this.caches.get(key) ?? new LookupCache();
        this.caches.set(key, known);
        return known;
    }

    /** Runs what may write to a registry. What was found before it, or while it ran, does not count after it. */
    async invalidate<T>(operation: () => Promise<T>): Promise<T> {
        this.forget();
        try {
            return await operation();
        } finally {
            this.forget();
        }
    }

    private forget(): void {
        for (const cache of this.caches.values()) cache.forget();
    }
}
