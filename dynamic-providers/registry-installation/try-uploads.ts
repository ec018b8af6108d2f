import { DEFAULT_RETRY, withRetry } from "../../lib/distribution/limits/retry";
import { PassthroughError, RegistryError, toProblem } from "../../lib/errors/errors";
import { formatProblem } from "../../lib/errors/format";
import type { Credentials } from "../../lib/http/credentials";
import { type RegistryAccount, type RegistryManagement, registryAdmin } from "../../lib/registries";
import { parseConnection, registryEndpoint } from "../../lib/site";
import { requireHealthy } from "../registry-deployment/doctor";
import type { RegistryContext } from "../registry/registry-process";
import type { RegistryInstallationInputs } from "./kind";

/** For test blobs alone: that of the images is not there yet, and what is sent to it would count as its content. */
const NAMESPACE = { name: "registry-passthrough-doctor" };
/** Without a slash: nested names are a setting of Quay, which is looked at later. */
const REPOSITORY = "uploads";
/** A registry that has just started may say 503 for a minute or so. */
const RETRY = { ...DEFAULT_RETRY, seconds: 90 };
/** For a look at what a request has left whose response was lost. */
const LOOK_SECONDS = 10;

/**
 * The checks of `passthrough doctor` with the administrator's account, in a project or organization that is made for them
 * and removed after them.
 * @throws RegistryError with what was found, and its fix
 */
export async function tryUploads(
    inputs: RegistryInstallationInputs,
    admin: Credentials,
    context: RegistryContext,
): Promise<void> {
    const { signal } = context;
    signal.throwIfAborted();
    try {
        // The request that makes it is not broken off: the registry might make it after what removes it.
        await withManagement(inputs, admin, { context, retrySeconds: 0 }, (management) =>
            withRetry(RETRY, signal, () => takeNamespace(inputs, management)),
        );
    } catch (error) {
        if (!isRefusal(error)) {
            await withManagement(inputs, admin, { context, retrySeconds: LOOK_SECONDS }, removeUntouched).catch(
                // Whether there is one is not known, and the next time takes it.
                () => undefined,
            );
        }
        throw error;
    }
    try {
        signal.throwIfAborted();
        const account = { credentials: admin, repository: `${NAMESPACE.name}/${REPOSITORY}` };
        await withRetry(RETRY, signal, () => requireHealthy(inputs, account, context));
    } finally {
        // Not ended by what interrupts the checks: what they made is removed nevertheless.
        await withManagement(inputs, admin, { context, retrySeconds: RETRY.seconds }, (management) =>
            removeNamespace(inputs, management, context),
        );
    }
}

/** Whether the registry has said that it has made nothing; where its response is lost or 5xx, it may have. */
function isRefusal(error: unknown): boolean {
    if (!(error instanceof PassthroughError)) return false;
    const { status } = error instanceof RegistryError ? error : { status: undefined };
    return error.code === "NAMESPACE_EXISTS" || (status !== undefined && status >= 400 && status < 500);
}

/** One that has no images, whoever has made it, serves nobody. */
async function removeUntouched({ namespaces }: RegistryManagement): Promise<void> {
    const found = await namespaces.read(NAMESPACE);
    if (found?.isUntouched === true) await namespaces.remove(found, NAMESPACE);
}

/** An interrupt ends none of its requests. */
async function withManagement(
    inputs: RegistryInstallationInputs,
    credentials: Credentials,
    { context: { process }, retrySeconds }: { readonly context: RegistryContext; readonly retrySeconds: number },
    use: (management: RegistryManagement) => Promise<void>,
): Promise<void> {
    const endpoint = registryEndpoint(process.settings.registry(inputs), "admin");
    const account: RegistryAccount = { endpoint, credentials, retrySeconds };
    const management = registryAdmin(inputs.registry.type).manage?.(account);
    if (management === undefined) throw new Error(`${inputs.registry.type} has no administration`);
    try {
        await use(management);
    } finally {
        await management.close();
    }
}

/**
 * Makes it, or takes one that a run which was ended has left. A request that is repeated finds at most its own.
 * @throws PassthroughError `NAMESPACE_EXISTS` if somebody uses it: it would be removed
 */
async function takeNamespace(
    { registry }: RegistryInstallationInputs,
    { namespaces, repositories }: RegistryManagement,
): Promise<void> {
    const made = await namespaces.create(NAMESPACE);
    if (made !== undefined) return;
    // Only one without images: Quay makes a repository for the first test blob.
    await repositories?.remove({ namespace: NAMESPACE.name, names: [REPOSITORY] });
    const found = await namespaces.read(NAMESPACE);
    if (found === undefined || found.isUntouched) return;
    throw new PassthroughError("somebody uses it, and test blobs need it: no upload was tried", {
        code: "NAMESPACE_EXISTS",
        place: { registry: parseConnection(registry).mirror.host },
        thing: `${registryAdmin(registry.type).capabilities.namespaces ?? "namespace"} ${NAMESPACE.name}`,
        fix: "give what is in it another place, remove it, and run again",
    });
}

/** What stays is no reason to fail: it is empty, and the next time takes it. */
async function removeNamespace(
    { registry: { type } }: RegistryInstallationInputs,
    { namespaces, repositories }: RegistryManagement,
    { log }: RegistryContext,
): Promise<void> {
    try {
        await repositories?.remove({ namespace: NAMESPACE.name, names: [REPOSITORY] });
        const found = await namespaces.read(NAMESPACE);
        if (found !== undefined) await namespaces.remove(found, NAMESPACE);
    } catch (error) {
        const what = registryAdmin(type).capabilities.namespaces ?? "namespace";
        log.line(
            "warning",
            `the ${what} ${NAMESPACE.name} of test blobs is not removed: ${formatProblem(toProblem(error))}`,
        );
    }
}
