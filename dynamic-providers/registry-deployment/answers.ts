import { type RegistryAccounts, type RegistryWait, waitForAnswer } from "../../lib/openshift/deployed-registry";
import { ping } from "../../lib/registries/ping";
import { registryEndpoint, roleHost } from "../../lib/site";
import type { RegistryContext } from "../registry/registry-process";
import type { StoredConnection } from "../registry/stack-settings";

/** Which account is to be answered. */
interface AskedAccount {
    readonly accounts: RegistryAccounts;
    readonly role: "importer" | "puller";
    /** What to check if it is not. */
    readonly fix: string;
}

/**
 * Waits until an account can log in where it is for, over verified TLS.
 * @throws PassthroughError `ROLLOUT_TIMEOUT`; an error of TLS at once; the signal's reason
 */
export async function answers(
    inputs: StoredConnection,
    { accounts, role, fix }: AskedAccount,
    { process }: RegistryContext,
    wait: RegistryWait,
): Promise<void> {
    const registry = process.settings.registry(inputs);
    const endpoint = registryEndpoint(registry, role);
    const { [role]: credentials } = accounts;
    const account = { endpoint, credentials, retrySeconds: 0, signal: wait.signal };
    const what = `${credentials.username} at ${roleHost(registry, role)}`;
    await waitForAnswer(() => ping(account, credentials), what, fix, wait);
}
