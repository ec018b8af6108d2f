import { RegistryClient, requestsFor } from "../../lib/distribution/client/registry-client";
import { DEFAULT_RETRY } from "../../lib/distribution/limits/retry";
import { RegistryError } from "../../lib/errors/errors";
import type { Credentials } from "../../lib/http/credentials";
import type { LookupCache } from "../../lib/import";
import { type MirrorBase, isSameMirrorBase } from "../../lib/mirror/mirror-reference";
import { type RegistryAccount, type RegistryManagement, registryAdmin } from "../../lib/registries";
import { type SiteRegistry, registryEndpoint } from "../../lib/site";
import { ProgressRow } from "../lifecycle/progress-row";
import { hasUnknown } from "../lifecycle/unknown-value";
import type { AdminInputs, RegistryInputs } from "./registry-kind";
import type { RegistryContext, RegistryProcess } from "./registry-process";

type Registry = Pick<RegistryInputs, "registry" | "connectionSecrets">;

/**
 * True if the site has another registry now than the resource: the former one is not asked, since the resource is about to
 * be replaced. Nor is a registry of the program's own that does not run: the next update of the deployment mends it, and a
 * refresh that fails for it would keep that from happening.
 */
export function hasMoved(resource: Pick<RegistryInputs, "selfUrn" | "registry">, context: RegistryContext): boolean {
    return context.process.hasMoved(resource) || isBroken(resource, context);
}

/**
 * True if a refresh has found a registry of the program's own broken, and no update has mended it yet: whatever state says of
 * its content is to be looked at by the update.
 */
export function isBroken(
    resource: Pick<RegistryInputs, "selfUrn" | "registry">,
    { process }: RegistryContext,
): boolean {
    return !process.hasMoved(resource) && process.brokenRegistries.has(resource.registry.mirrorBase);
}

/** Whether a registry of the program's own takes pushes elsewhere than the site says: only the next update moves that. */
export function hasOtherPushHost(deployed: Registry, { process }: Pick<RegistryContext, "process">): boolean {
    return process.settings.registry(deployed).pushHost !== deployed.registry.pushHost;
}

/** The properties to replace a resource for, if its registry is another one. */
export function replacedRegistry(olds: Registry, news: Registry): string[] {
    return isSameMirrorBase(olds.registry.mirrorBase, news.registry.mirrorBase) ? [] : ["registry"];
}

/** True if a resource is checked for another registry than it was at: its content is not there yet, as far as is known. */
export function isMoving({ registry }: Partial<Registry>, news: Registry): boolean {
    if (registry === undefined || hasUnknown(news.registry)) return false;
    return replacedRegistry({ registry }, news).length > 0;
}

/** The registry and the account that administers it. */
export function adminAccount(inputs: AdminInputs, { process, signal }: RegistryContext): RegistryAccount {
    const registry = process.settings.registry(inputs);
    return {
        endpoint: registryEndpoint(registry, inputs.account),
        credentials: process.settings.adminCredentials(inputs),
        retrySeconds: registry.retrySeconds,
        signal,
    };
}

/**
 * Opens an administration session for one operation and closes it after.
 * @param changes in place of what the inputs say
 */
export async function withManagement<T>(
    inputs: AdminInputs,
    context: RegistryContext,
    use: (management: RegistryManagement) => Promise<T>,
    changes: Partial<RegistryAccount> = {},
): Promise<T> {
    const admin = registryAdmin(inputs.registry.type);
    const management = admin.manage?.({ ...adminAccount(inputs, context), ...changes });
    if (management === undefined) throw new Error(`${inputs.registry.type} has no robot accounts`);
    try {
        return await use(management);
    } finally {
        await management.close();
    }
}

/**
 * Opens the registry for one operation and closes it after; the row shows when it waits for the registry.
 * @param changes in place of what the site says
 */
export async function withRegistry<T>(
    inputs: RegistryInputs & { readonly concurrency?: number },
    { process, signal, log }: RegistryContext,
    use: (client: RegistryClient, mirror: MirrorBase, row: ProgressRow) => Promise<T>,
    changes: Partial<Pick<SiteRegistry, "retrySeconds">> = {},
): Promise<T> {
    const registry = { ...process.settings.registry(inputs), ...changes };
    const client = new RegistryClient({
        endpoint: registryEndpoint(registry, inputs.account),
        credentials: contentCredentials(inputs, process),
        requests: registry.requests ?? requestsFor(inputs.concurrency ?? 0),
        maxBody: registry.maxBody,
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

/** What refreshes of other resources have found with the same account, for a refresh. */
export function sharedLookups(inputs: RegistryInputs, { process }: RegistryContext): LookupCache {
    const endpoint = registryEndpoint(process.settings.registry(inputs), inputs.account);
    return process.lookups.for(endpoint, contentCredentials(inputs, process));
}

/**
 * All that a refresh of images depends on: its state, and how and with which accounts the registry is reached today.
 * @param kind of the resource
 */
export function refreshSubject<State extends RegistryInputs>(kind: string, state: State, { process }: RegistryContext) {
    const { mirrorBase } = state.registry;
    return {
        ...{ kind, state, registry: process.settings.registry(state), account: contentCredentials(state, process) },
        ...{ puller: process.pullers.get(mirrorBase), isListed: process.listings.has(mirrorBase) },
    };
}

/** What an importer elsewhere connects with: secret. */
export function pushSecrets(inputs: RegistryInputs, process: RegistryProcess) {
    const { secrets } = process.settings.registry(inputs);
    const credentials = contentCredentials(inputs, process);
    return { credentials, ...(secrets === undefined ? {} : { connectionSecrets: secrets }) };
}

/**
 * A refresh of what uses a robot account comes after the account's update, with the secret of the state from before it:
 * that is no reason to call the account rejected.
 */
function contentCredentials(inputs: RegistryInputs, { settings, renewedLogins }: RegistryProcess): Credentials {
    return renewedLogins.current(inputs.registry.mirrorBase, settings.credentials(inputs));
}

/**
 * What a refresh of a resource with a robot account finds; the registry's error if it rejects the account. The robot
 * account's own refresh reports why, and its next update repairs it: failing here would prevent that.
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
