import { RegistryError } from "../../errors/errors";
import type { Credentials } from "../../http/credentials";
import type { RegistryAccount } from "../registry-admin";
import { QuayAccess } from "./connect";
import { expect } from "./quay-api";
import { signIn } from "./session";

/** An account of a Quay, and the password that it is to have. */
export type NamedAccount = Omit<RegistryAccount, "credentials"> & { readonly credentials: Credentials };

/**
 * Gives an account another password in place of the one that an installer was told, or proves that it has it already:
 * that is how a response that was lost is found again. `PUT /api/v1/user/` (endpoints/api/user.py) asks for a session that
 * has just been signed in, and ends all others of the account.
 * @param first the password of the installer
 * @throws RegistryError `UNAUTHORIZED` if the account has neither password
 */
export async function replaceFirstPassword(account: NamedAccount, first: string): Promise<void> {
    const { username, password } = account.credentials;
    const access = new QuayAccess(account, 1);
    try {
        const session = await signIn(access.anonymous, { username, password: first }).catch((error: unknown) => {
            if (error instanceof RegistryError && error.code === "UNAUTHORIZED") return undefined;
            throw error;
        });
        if (session !== undefined) {
            const api = access.anonymous.as(session);
            await api.once("PUT", "/api/v1/user/", { password }).then(
                (response) => expect(response, 200),
                (error: unknown) => {
                    // The next sign-in tells whether it was done.
                    if (error instanceof RegistryError && ["NETWORK", "TIMEOUT"].includes(error.code)) return;
                    throw error;
                },
            );
        }
        await signIn(access.anonymous, account.credentials);
    } finally {
        await access.close();
    }
}
