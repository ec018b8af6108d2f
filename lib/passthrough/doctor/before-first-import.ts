import type { RegistryClient } from "../../distribution/client/registry-client";
import type { ImportPlan } from "../../import";
import { type RegistryKind, registryAdmin } from "../../registries";
import { requireAccepted } from "./account-check";
import { findMissingRepositories, isMissingRepository, missingRepositoriesError } from "./missing-repositories";
import { checkUploadUrl } from "./upload-url-check";

/** Two new tokens may come from two instances of the token service. */
const GREETINGS = 2;

/**
 * The checks of `doctor` that send no bytes, before the first import of a set: the account with new tokens, where the
 * registry wants uploads to be sent, and whether it creates repositories with the first push. Nothing is asked if the plan
 * uploads no blob.
 * @returns what is odd, but no obstacle
 * @throws RegistryError with the fix; `REPOSITORIES_MISSING` with all repositories of the plan that must be created first
 */
export async function checkBeforeFirstImport(
    client: RegistryClient,
    plan: ImportPlan,
    kind: RegistryKind,
): Promise<readonly string[]> {
    const repositories = plan.push.flatMap(({ blobs }) => blobs.slice(0, 1).map(({ repository }) => repository));
    const [first] = repositories;
    if (first === undefined) return [];
    for (let greeting = 0; greeting < GREETINGS; greeting++) await requireAccepted(client);
    const foreign = foreignTokenNotes(client);
    const { mayNeedRepositories } = registryAdmin(kind).capabilities;
    const missing = mayNeedRepositories ? await findMissingRepositories(client, repositories) : [];
    try {
        const { notes } = await client.retrying(() => checkUploadUrl(client, missing[0] ?? first));
        return [...foreign, ...notes];
    } catch (error) {
        throw missing.length > 0 && isMissingRepository(error) ? missingRepositoriesError(error, missing) : error;
    }
}

/** The registry decides who gets the password: people should have seen whom it names. */
function foreignTokenNotes({ host, foreignTokenHost }: RegistryClient): string[] {
    if (foreignTokenHost === undefined) return [];
    return [
        `the registry ${host} names a token service at another host, ${foreignTokenHost}, which gets the password of the ` +
            "account; check that it is yours",
    ];
}
