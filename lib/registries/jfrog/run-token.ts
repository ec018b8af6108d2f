import { createHash } from "node:crypto";
import { z } from "zod";
import { type Credentials, basicAuthorization } from "../../http/credentials";
import { statusProblem } from "../../distribution/client/response-errors";
import { readErrorBody } from "../../distribution/client/error-body";
import { RegistryError } from "../../errors/errors";
import { type AdminClient, type AdminResponse, adminError, parseBody } from "../admin-client";
import { isJFrogError } from "./response";

/** An administrator's token for one operation. */
export interface RunToken {
    /** Absent: the platform did not say; the token expires by itself. */
    readonly id: string | undefined;
    readonly token: string;
}

/** Access tokens: all of them, and with an id one of them (JFrog REST APIs, "Access Tokens"). */
export const TOKENS = "/access/api/v1/tokens";

const created = z.object({ token_id: z.string().nullish(), access_token: z.string().min(1) });

const FIXES = {
    404: "let what stands in front of Artifactory pass /access/, too: it is where tokens and permissions are",
};

/** It dies by itself, should nobody be there to revoke it. */
const RUN_SECONDS = 3600;

/**
 * By host, account and password, the check of a login in this process. Artifactory suspends an account after a few failed
 * logins, so one check is in flight, and its rejection is final.
 */
const checks = new Map<string, Promise<void>>();

interface Login {
    readonly headers: Readonly<Record<string, string>>;
    readonly account: string;
}

/**
 * Creates an administrator's token with a password. Groups, permissions and tokens are administered with tokens only
 * (JFrog REST APIs, "Create Permission": "Requires admin authentication using Access Tokens").
 * @throws RegistryError that distinguishes a wrong password from a right one that may not create the token
 */
export async function createRunToken(http: AdminClient, host: string, credentials: Credentials): Promise<RunToken> {
    const key = createHash("sha256")
        .update(JSON.stringify([host, credentials.username, credentials.password]))
        .digest("hex");
    const login = { headers: loginHeaders(credentials), account: credentials.username };
    await checkLogin(http, key, login);
    const check = checks.get(key);
    const response = await http.send({
        ...login,
        method: "POST",
        path: TOKENS,
        json: {
            grant_type: "client_credentials",
            scope: "applied-permissions/admin",
            expires_in: RUN_SECONDS,
            refreshable: false,
            description: "registry-passthrough run",
            force_revocable: true,
        },
        // One that is left behind expires within the hour.
        repeatable: true,
    });
    if (response.status < 300) {
        const { token_id: id, access_token: token } = parseBody(response, created);
        return { id: id ?? undefined, token };
    }
    if (![400, 401, 403].includes(response.status) || !isJFrogError(response)) throw adminError(response, FIXES);
    // The password may have been changed since the check.
    if (checks.get(key) === check) checks.delete(key);
    await checkLogin(http, key, login);
    throw noTokenError(response);
}

/** @throws RegistryError if Artifactory rejects the login, in this check or an earlier one of this process */
async function checkLogin(http: AdminClient, key: string, login: Login): Promise<void> {
    const running = checks.get(key);
    if (running === undefined) return startCheck(http, key, login);
    try {
        await running;
    } catch (error) {
        if (error instanceof RegistryError) throw error;
        // The operation that made the check was interrupted, and this one may not be.
        await checkLogin(http, key, login);
    }
}

function startCheck(http: AdminClient, key: string, login: Login): Promise<void> {
    const check = requireAccepted(http, login).catch((error: unknown) => {
        const isRejected = error instanceof RegistryError && error.code === "UNAUTHORIZED";
        if (!isRejected) checks.delete(key);
        throw error;
    });
    checks.set(key, check);
    return check;
}

async function requireAccepted(http: AdminClient, login: Login): Promise<void> {
    const response = await http.send({ ...login, method: "GET", path: "/artifactory/api/system/version" });
    if (response.status !== 200) throw rejectedError(response);
}

/** Ends the token at once. Failing to is no error: it dies by itself. */
export async function revokeRunToken(http: AdminClient, { id, token }: RunToken): Promise<void> {
    if (id === undefined) return;
    const headers = { authorization: `Bearer ${token}` };
    await http.attempt({ method: "DELETE", path: `${TOKENS}/${id}`, headers }).catch(() => undefined);
}

/** Several responses are plain text, which a client that wants only JSON may not get. */
export const ANY_TYPE = { accept: "application/json, */*" } as const;

function loginHeaders(credentials: Credentials): Readonly<Record<string, string>> {
    return { ...ANY_TYPE, authorization: basicAuthorization(credentials) };
}

function rejectedError(response: AdminResponse): RegistryError {
    return adminError(response, {
        401: "set registryUsername and registryPassword of the stack, or registryToken",
        403:
            "after failed logins Artifactory suspends an account for up to a minute: wait, and look for clients with an old " +
            "password",
    });
}

function noTokenError({ context, status, text }: AdminResponse): RegistryError {
    const { account } = context;
    return new RegistryError(
        `the password is right, but Artifactory gives no administrator's token for it: ${statusProblem(403, readErrorBody(text).reason, { account })}`,
        {
            ...context,
            code: "DENIED",
            status,
            fix:
                "use an internal account that administers the platform, without multi-factor authentication, and let Artifactory " +
                "(7.63.2 or newer) create tokens with a password (Administration, Security, General: Enable Token Generation via " +
                "API); or set registryToken",
        },
    );
}
