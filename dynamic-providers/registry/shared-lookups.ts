import { LookupCache } from "../../lib/import";
import { computeDigest } from "../../lib/oci/digest";
import { registryEndpoint } from "../../lib/site";
import { type RegistryInputs, currentRegistry } from "./connection";
import { currentCredentials } from "./settings";

/** By registry and account. A provider process lives for one run of the engine, and so do these. */
const shared = new Map<string, LookupCache>();

/** What the refresh of other resources has seen with the same account, for a refresh alone: a proof sees for itself. */
export function sharedLookups(inputs: RegistryInputs): LookupCache {
    const registry = currentRegistry(inputs);
    const account = currentCredentials(inputs.account, registry.type, inputs.credentials);
    // No secret is kept as a key.
    const key = computeDigest(JSON.stringify([registryEndpoint(registry), account.username, account.password]));
    const known = shared.get(key) ?? new LookupCache();
    shared.set(key, known);
    return known;
}

/** Runs what may write to a registry. What was seen before it, or while it ran, does not count after it. */
export async function writing<T>(operation: () => Promise<T>): Promise<T> {
    forgetAll();
    try {
        return await operation();
    } finally {
        forgetAll();
    }
}

function forgetAll(): void {
    for (const lookups of shared.values()) lookups.forget();
}
