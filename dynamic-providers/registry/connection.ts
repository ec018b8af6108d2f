import { z } from "zod";
import { type MirrorBase, parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { type ImageList, isImageText } from "../../lib/import";
import { RegistryError } from "../../lib/errors/errors";
import { RegistryClient, requestsFor } from "../../lib/distribution/client/registry-client";
import { DEFAULT_RETRY } from "../../lib/distribution/limits/retry";
import type { RegistryEndpoint } from "../../lib/distribution/http/transport";
import type { OperationContext } from "../lifecycle/resource-provider";
import { ProgressRow } from "../lifecycle/progress-row";
import { type RegistryAccount, type RegistryManagement, REGISTRY_KINDS, registryAdmin } from "../../lib/registries";
import {
    adminCredentialsInput,
    adminCredentialsOf,
    credentialsInput,
    credentialsOf,
    registryToday,
    retrySecondsToday,
} from "./settings";

/** Which registry a resource works with, as inputs; the credentials stand beside it, since they are secret. */
export const connectionInput = z.object({
    type: z.enum(REGISTRY_KINDS),
    mirrorBase: z.string(),
    /** PEM. */
    ca: z.string().optional(),
    plainHttp: z.boolean().optional(),
    retrySeconds: z.number(),
    /** Requests in flight to the host, over all resources; absent: by the number of blobs in flight. */
    requests: z.number().int().positive().optional(),
});

/** Images as inputs, and so as state holds them. */
export const imageListInput: z.ZodType<ImageList> = z.union([
    z.string().refine(isImageText, "not a list of images"),
    z.record(z.string(), z.string()),
]);

/** The inputs that every resource talking to the registry has. */
export const registryInputs = z.object({
    selfUrn: z.string(),
    registry: connectionInput,
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
 * True if today's configuration has another registry than the resource: asking the one that was left tells nothing,
 * since the resource is about to be replaced.
 */
export function hasMoved({ registry }: Pick<RegistryInputs, "registry">): boolean {
    const { mirrorBase } = registryToday();
    return mirrorBase !== undefined && mirrorBase !== registry.mirrorBase;
}

/** The place of the registry that the inputs name; a CA that was replaced since is taken from the configuration. */
export function registryEndpoint(inputs: Pick<RegistryInputs, "registry">): RegistryEndpoint {
    const { registry } = inputs;
    const ca = hasMoved(inputs) ? registry.ca : (registryToday().ca ?? registry.ca);
    return {
        host: parseMirrorBase(registry.mirrorBase).host,
        ...(ca === undefined ? {} : { ca }),
        ...(registry.plainHttp === undefined ? {} : { plainHttp: registry.plainHttp }),
    };
}

/** The namespace that all mirrored repositories live in; "" where the host alone is the mirror base. */
export function registryNamespace({ registry }: Pick<RegistryInputs, "registry">): string {
    return parseMirrorBase(registry.mirrorBase).prefix;
}

/** The registry and the account to administer it with; one that was left is asked with the account it had. */
export function adminAccount(inputs: AdminInputs, signal: AbortSignal): RegistryAccount {
    return {
        endpoint: registryEndpoint(inputs),
        credentials: hasMoved(inputs) ? inputs.credentials : adminCredentialsOf(inputs.account, inputs.credentials),
        retrySeconds: retrySecondsToday() ?? inputs.registry.retrySeconds,
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
    const { concurrency = 0, registry } = inputs;
    const client = new RegistryClient({
        endpoint: registryEndpoint(inputs),
        credentials: credentialsOf(inputs.account, inputs.credentials),
        requests: registry.requests ?? requestsFor(concurrency),
        retry: { ...DEFAULT_RETRY, seconds: retrySecondsToday() ?? registry.retrySeconds },
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
