import type { Credentials } from "../../http/credentials";
import { RegistryError } from "../../errors/errors";
import { QuayAccess } from "./connect";
import { type QuayApi, expect } from "./quay-api";
import { isDuplicate, isUnknownUser } from "./response";
import type { RegistryAccount, SuperuserAdmin } from "../registry-admin";
import { signIn } from "./session";

/**
 * The superuser whose name a registry's own configuration has and whose account does not exist yet: whoever registers it first
 * owns the registry (mirror-registry: SUPER_USERS [admin], FEATURE_USER_CREATION). Registering needs no rights, but where
 * FEATURE_ANONYMOUS_ACCESS is off an account.
 */
export function superuserAdmin(username: string, concurrency: number): SuperuserAdmin {
    // As the account, since an anonymous request is 401 where FEATURE_ANONYMOUS_ACCESS is off.
    const withApi = async <T>(account: RegistryAccount, use: (api: QuayApi) => Promise<T>): Promise<T> => {
        const access = new QuayAccess(account, concurrency);
        try {
            return await use(await access.api());
        } finally {
            await access.close();
        }
    };
    return {
        username,
        claim: (account, password) => withApi(account, (api) => claim(api, { username, password })),
        isTaken: (account) => withApi(account, (api) => isTaken(api, username)),
    };
}

/** True unless the registry definitely says that no account has the name. */
export async function isTaken(api: QuayApi, username: string): Promise<boolean> {
    const response = await api.get(`/api/v1/users/${username}`);
    return !isUnknownUser(response);
}

/** Registers the name, or proves that it is ours already: that is also how a lost answer is found again. */
async function claim(api: QuayApi, superuser: Credentials): Promise<void> {
    const { username } = superuser;
    if (!(await isTaken(api, username))) {
        const response = await api.once("POST", "/api/v1/user/", superuser).catch(async (error: unknown) => {
            if (await isTaken(api, username)) return undefined;
            throw error;
        });
        if (response !== undefined && response.status !== 200 && !isTakenNow(response)) expect(response, 200);
        if (response?.status === 200) return;
    }
    try {
        await signIn(api, superuser);
    } catch (error) {
        if (!(error instanceof RegistryError) || error.code !== "UNAUTHORIZED") throw error;
        throw new RegistryError("it is registered, and not with superuserPassword", {
            registry: api.connection.host,
            thing: `superuser ${username}`,
            code: "UNAUTHORIZED",
            fix:
                "set superuserPassword to its password if it is yours; if it is not, somebody else owns this registry: " +
                "take it off the network and install it anew",
            cause: error,
        });
    }
}

function isTakenNow(response: Parameters<typeof isDuplicate>[0]): boolean {
    return isDuplicate(response) || (response.status === 400 && response.reason?.includes("already") === true);
}
