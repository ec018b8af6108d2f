import type { AdminCredentials, RegistryAccount, RegistryAdmin, RegistryManagement } from "../../../lib/registries";
import type { FakeQuay } from "./fake-quay";

export const OWNER = { username: "init", password: "canary-password-51d0" } as const;

/** The account of a test at a fake Quay, by plain HTTP on loopback. */
export function quayAccount(quay: FakeQuay, credentials: AdminCredentials, retrySeconds = 5): RegistryAccount {
    return { endpoint: { host: quay.host, plainHttp: true }, credentials, retrySeconds };
}

/** One administration session, closed after. */
export async function managing<T>(
    admin: RegistryAdmin,
    account: RegistryAccount,
    use: (management: Required<RegistryManagement>) => Promise<T>,
): Promise<T> {
    const management = admin.manage?.(account);
    const { repositories, content } = management ?? {};
    if (management === undefined || repositories === undefined || content === undefined) {
        throw new Error(`${admin.kind} cannot be managed`);
    }
    try {
        return await use({ ...management, repositories, content, close: () => management.close() });
    } finally {
        await management.close();
    }
}
