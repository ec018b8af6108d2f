import type { RegistryClient } from "../../distribution/client/registry-client";
import { RegistryError } from "../../errors/errors";

/**
 * Asks `GET /v2/` with a new token: behind a load balancer another instance may respond than before.
 * @param username of the account, where it is known
 * @throws RegistryError `UNAUTHORIZED`, `TOKENS_REJECTED`, `NOT_A_REGISTRY`
 */
export async function requireAccepted(client: RegistryClient, username?: string): Promise<void> {
    client.probe.forgetTokens();
    const status = await client.ping();
    const facts = { registry: client.host, operation: "GET /v2/", status };
    if (status === 401) {
        const account = username === undefined ? "the account" : `the account ${username}`;
        throw new RegistryError(`the registry rejected ${account}`, {
            ...facts,
            code: "UNAUTHORIZED",
            fix: "check its name and password where it is stored, and that it is not disabled or expired",
        });
    }
    if (status === 200) return;
    throw new RegistryError("there is no registry at /v2/", {
        ...facts,
        code: "NOT_A_REGISTRY",
        fix: "check the address, and that every instance behind the proxy or load balancer is the registry",
    });
}
