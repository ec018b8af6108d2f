import type { RegistryClient } from "../../distribution/client/registry-client";
import type { ImportPlan } from "../../import";
import { requireAccepted } from "./account-check";
import { checkUploadUrl } from "./upload-url-check";

/** Two new tokens may come from two instances of the token service. */
const GREETINGS = 2;

/**
 * The checks of `doctor` that send no bytes, before the first import of a set: the account with new tokens, and where the
 * registry wants uploads to be sent. Nothing is asked if the plan uploads no blob.
 * @returns what is odd, but no obstacle
 * @throws RegistryError with the fix
 */
export async function checkBeforeFirstImport(client: RegistryClient, plan: ImportPlan): Promise<readonly string[]> {
    const first = plan.push.flatMap(({ blobs }) => blobs)[0];
    if (first === undefined) return [];
    for (let greeting = 0; greeting < GREETINGS; greeting++) await requireAccepted(client);
    return (await client.retrying(() => checkUploadUrl(client, first.repository))).notes;
}
