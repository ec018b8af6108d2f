import { toProblem } from "../../lib/errors/errors";
import { formatProblem } from "../../lib/errors/format";
import type { Credentials } from "../../lib/http/credentials";
import { type RegistryAccount, type RegistryManagement, registryAdmin } from "../../lib/registries";
import { registryEndpoint } from "../../lib/site";
import { requireHealthy } from "../registry-deployment/doctor";
import type { RegistryContext } from "../registry/registry-process";
import type { RegistryInstallationInputs } from "./kind";

/** For test blobs alone: that of the images is not there yet, and what is sent to it would count as its content. */
const NAMESPACE = { name: "registry-passthrough-doctor" };
/** Without a slash: nested names are a setting of Quay, which is looked at later. */
const REPOSITORY = "uploads";
/** A registry that has just started may say 503 for a moment. */
const RETRY_SECONDS = 30;

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
    const management = manage(inputs, admin, context);
    try {
        // One that is there is left of a run that was ended.
        await management.namespaces.create(NAMESPACE);
        try {
            const account = { credentials: admin, repository: `${NAMESPACE.name}/${REPOSITORY}` };
            await requireHealthy(inputs, account, context);
        } finally {
            await removeNamespace(inputs, management, context);
        }
    } finally {
        await management.close();
    }
}

/** Not ended by what interrupts the checks: what they made is removed nevertheless. */
function manage(
    inputs: RegistryInstallationInputs,
    credentials: Credentials,
    { process }: RegistryContext,
): RegistryManagement {
    const endpoint = registryEndpoint(process.settings.registry(inputs), "admin");
    const account: RegistryAccount = { endpoint, credentials, retrySeconds: RETRY_SECONDS };
    const management = registryAdmin(inputs.registry.type).manage?.(account);
    if (management === undefined) throw new Error(`${inputs.registry.type} has no administration`);
    return management;
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
