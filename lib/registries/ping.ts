import type { Credentials } from "../http/credentials";
import { RegistryClient } from "../distribution/client/registry-client";
import { DEFAULT_RETRY } from "../distribution/limits/retry";
import type { RegistryAccount } from "./registry-admin";

/** The status with which the account's registry greets these credentials, or an anonymous client: 200, 401 or 404 (no registry). */
export async function ping(
    account: Omit<RegistryAccount, "credentials">,
    credentials: Credentials | undefined,
): Promise<number> {
    const client = new RegistryClient({
        endpoint: account.endpoint,
        credentials,
        connections: 1,
        retry: { ...DEFAULT_RETRY, seconds: account.retrySeconds },
        ...(account.signal ? { signal: account.signal } : {}),
    });
    if (account.onWait !== undefined) client.onWait(account.onWait);
    try {
        return await client.ping();
    } finally {
        await client.close();
    }
}
