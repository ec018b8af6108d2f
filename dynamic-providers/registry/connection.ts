import { z } from "zod";
import type { MirrorBase } from "../../lib/mirror/mirror-reference";
import { type ImageList, isImageText } from "../../lib/import";
import { RegistryError } from "../../lib/errors/errors";
import { RegistryClient, requestsFor } from "../../lib/distribution/client/registry-client";
import { DEFAULT_RETRY } from "../../lib/distribution/limits/retry";
import { type RegistryAccount, type RegistryManagement, registryAdmin } from "../../lib/registries";
import { type SiteRegistry, parseConnection, registryConnection, registryEndpoint } from "../../lib/site";
import type { OperationContext } from "../lifecycle/resource-provider";
import { ProgressRow } from "../lifecycle/progress-row";
import {
    adminCredentialsInput,
    credentialsInput,
    currentAdminCredentials,
    currentCredentials,
    siteToday,
} from "./settings";

/** Images as inputs, and so as state holds them. */
export const imageListInput: z.ZodType<ImageList> = z.union([
    z.string().refine(isImageText, "not a list of images"),
    z.record(z.string(), z.string()),
]);

/** The inputs that every resource talking to the registry has. */
export const registryInputs = z.object({
    selfUrn: z.string(),
    registry: registryConnection,
    credentials: credentialsInput,
    account: z.enum(["importer", "puller"]),
});

/** The inputs of resources that administer the registry: with the admin's account, or that of a kind without robots. */
export const adminInputs = registryInputs.extend({
    credentials: adminCredentialsInput,
    account: z.enum(["importer", "puller", "admin"]),
});

export type AdminInputs = z.infer<typeof adminInputs>;
export type RegistryInputs = z.infer<typeof registryInputs>;

/**
 * True if today's configuration has another registry than the resource: what the former one has is of no interest, since
 * the resource is about to be replaced.
 */
export function hasMoved({ registry }: Pick<RegistryInputs, "registry">): boolean {
    const { mirrorBase } = siteToday();
    return mirrorBase !== undefined && mirrorBase.value !== registry.mirrorBase;
}

/** The registry that the inputs name, with the CA and the retry time of today's configuration. */
export function currentRegistry(inputs: Pick<RegistryInputs, "registry">): SiteRegistry {
    const { ca: storedCa, ...registry } = parseConnection(inputs.registry);
    const today = siteToday();
    const ca = hasMoved(inputs) || today.ca === undefined ? storedCa : today.ca.value;
    return {
        ...registry,
        retrySeconds: today.retrySeconds?.value ?? registry.retrySeconds,
        ...(ca === undefined ? {} : { ca }),
    };
}

/** The account that administers the registry; for a registry that the stack has left, the stored one. */
export function adminAccount(inputs: AdminInputs, signal: AbortSignal): RegistryAccount {
    const { account, credentials } = inputs;
    const registry = currentRegistry(inputs);
    return {
        endpoint: registryEndpoint(registry),
        credentials: hasMoved(inputs) ? credentials : currentAdminCredentials(account, registry.type, credentials),
        retrySeconds: registry.retrySeconds,
        signal,
    };
}

/** Opens an administration session for one operation and closes it after. */
export async function withManagement<T>(
    inputs: AdminInputs,
    signal: AbortSignal,
    use: (management: RegistryManagement) => Promise<T>,
): Promise<T> {
    const admin = registryAdmin(inputs.registry.type);
    const management = admin.manage?.(adminAccount(inputs, signal));
    if (management === undefined) throw new Error(`${inputs.registry.type} has no robot accounts`);
    try {
        return await use(management);
    } finally {
        await management.close();
    }
}

/** Opens the registry for one operation and closes it after; the row tells when it waits for the registry. */
export async function withRegistry<T>(
    inputs: RegistryInputs & { readonly concurrency?: number },
    { signal, log }: OperationContext,
    use: (client: RegistryClient, base: MirrorBase, row: ProgressRow) => Promise<T>,
): Promise<T> {
    const { concurrency = 0, account, credentials } = inputs;
    const registry = currentRegistry(inputs);
    const client = new RegistryClient({
        endpoint: registryEndpoint(registry),
        credentials: currentCredentials(account, registry.type, credentials),
        requests: registry.requests ?? requestsFor(concurrency),
        retry: { ...DEFAULT_RETRY, seconds: registry.retrySeconds },
        signal,
    });
    const row = new ProgressRow(log);
    client.onWait((wait) => row.waiting(wait));
    try {
        return await use(client, registry.mirror, row);
    } finally {
        row.stop();
        await client.close();
    }
}

/**
 * What a refresh of a resource with a robot account finds; the registry's error if it refuses the account. The robot
 * account's own refresh tells what became of it, and its next update makes it good: failing here would prevent that.
 */
export async function orRefused<T>(inputs: RegistryInputs, look: () => Promise<T>): Promise<T | RegistryError> {
    try {
        return await look();
    } catch (error) {
        const isRobot = registryAdmin(inputs.registry.type).capabilities.robotAccounts;
        if (isRobot && error instanceof RegistryError && (error.status === 401 || error.status === 403)) return error;
        throw error;
    }
}
