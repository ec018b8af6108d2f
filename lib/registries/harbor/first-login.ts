import { createHash } from "node:crypto";
import { RegistryError } from "../../errors/errors";
import type { Credentials } from "../../http/credentials";

/** By host, account and password, the first call of this process that logs in with them, unless it failed otherwise. */
const firstLogins = new Map<string, Promise<unknown>>();

/**
 * Sends a call that logs in. All resources of a process do so at the same time, and behind Harbor may be a directory that
 * locks an account after a few failed logins: so the others wait for the first call, and a rejection of it is final.
 * @param send the call
 * @throws RegistryError `UNAUTHORIZED` of the first call, or what `send` throws
 */
export async function afterFirstLogin<T>(host: string, credentials: Credentials, send: () => Promise<T>): Promise<T> {
    const key = createHash("sha256")
        .update(JSON.stringify([host, credentials.username, credentials.password]))
        .digest("hex");
    const first = firstLogins.get(key);
    if (first !== undefined) {
        await first.catch(rejectionOnly);
        return send();
    }
    const call = send();
    firstLogins.set(key, call);
    try {
        return await call;
    } catch (error) {
        if (!isRejection(error)) firstLogins.delete(key);
        throw error;
    }
}

function rejectionOnly(error: unknown): void {
    if (isRejection(error)) throw error;
}

function isRejection(error: unknown): boolean {
    return error instanceof RegistryError && error.code === "UNAUTHORIZED";
}
