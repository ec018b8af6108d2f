import { z } from "zod";
import { DEFAULT_REQUESTS } from "../lib/oci/host-pace";
import { type MirrorBase, parseMirrorBase } from "../lib/oci/mirror-reference";
import { RegistryClient } from "../lib/oci/registry-client";
import { DEFAULT_RETRY } from "../lib/oci/retry";
import type { RegistryEndpoint } from "../lib/oci/transport";
import type { Surroundings } from "./lifecycle";
import { ProgressRow } from "./progress-row";
import { credentialsInput, credentialsOf, registryToday } from "./settings";

/** Which registry a resource works with, as inputs; the credentials stand beside it, since they are secret. */
export const connectionInput = z.object({
    type: z.enum(["distribution"]),
    mirrorBase: z.string(),
    /** PEM. */
    ca: z.string().optional(),
    plainHttp: z.boolean().optional(),
    retrySeconds: z.number(),
    /** Requests in flight to the host, over all resources; absent: by the number of blobs in flight. */
    requests: z.number().int().positive().optional(),
});

/** The inputs that every resource talking to the registry has. */
export const registryInputs = z.object({
    selfUrn: z.string(),
    registry: connectionInput,
    credentials: credentialsInput,
    account: z.enum(["importer", "puller"]),
});

export type RegistryInputs = z.infer<typeof registryInputs>;

/**
 * True if today's configuration has another registry than the resource: asking the one that was left tells nothing,
 * since the resource is about to be replaced.
 */
export function hasMoved({ registry }: Pick<RegistryInputs, "registry">): boolean {
    const { mirrorBase } = registryToday();
    return mirrorBase !== undefined && mirrorBase !== registry.mirrorBase;
}

/** The place of the registry that the inputs name; a CA that was replaced since is taken from the configuration. */
export function endpointOf(inputs: Pick<RegistryInputs, "registry">): RegistryEndpoint {
    const { registry } = inputs;
    const ca = hasMoved(inputs) ? registry.ca : (registryToday().ca ?? registry.ca);
    return {
        host: parseMirrorBase(registry.mirrorBase).host,
        ...(ca === undefined ? {} : { ca }),
        ...(registry.plainHttp === undefined ? {} : { plainHttp: registry.plainHttp }),
    };
}

/** Requests beside those that carry blobs: questions, manifests. */
const SMALL_REQUESTS = 8;

/** Opens the registry for one operation and closes it after; the row tells when it waits for the registry. */
export async function withRegistry<T>(
    inputs: RegistryInputs & { readonly concurrency?: number },
    { signal, log }: Surroundings,
    use: (client: RegistryClient, base: MirrorBase, row: ProgressRow) => Promise<T>,
): Promise<T> {
    const { concurrency = 0, registry } = inputs;
    const client = new RegistryClient({
        endpoint: endpointOf(inputs),
        credentials: credentialsOf(inputs.account, inputs.credentials),
        requests: registry.requests ?? Math.max(DEFAULT_REQUESTS, concurrency + SMALL_REQUESTS),
        retry: { ...DEFAULT_RETRY, seconds: registry.retrySeconds },
        signal,
    });
    const row = new ProgressRow(log);
    client.onWait((wait) => row.waiting(wait));
    try {
        return await use(client, parseMirrorBase(registry.mirrorBase), row);
    } finally {
        row.stop();
        await client.close();
    }
}
