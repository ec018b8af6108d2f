import type { z } from "zod";
import { type Credentials, basicAuthorization } from "../../http/credentials";
import { foreignAbsence } from "../../distribution/client/response-errors";
import { DEFAULT_RETRY, withRetry } from "../../distribution/limits/retry";
import { RegistryError } from "../../errors/errors";
import { AdminClient, type AdminRequest, type AdminResponse, adminError, parseBody } from "../admin-client";
import { ping } from "../ping";
import type { RegistryAccount } from "../registry-admin";
import { isAbsence, isJFrogError, isMergeConflict, needsPro, proError } from "./response";
import { ANY_TYPE, type RunToken, TOKENS, createRunToken, revokeRunToken } from "./run-token";

const FIXES: Readonly<Record<number, string>> = {
    401: "set registryToken of the stack to a token that is neither expired nor revoked, or registryUsername and registryPassword",
    403:
        "use a token with the scope applied-permissions/admin, or an account that administers the platform; after failed " +
        "logins Artifactory suspends an account for up to a minute",
};

/** An interrupted process has a few seconds left. */
const ENDING_MS = 1500;

/** The administration APIs of one JFrog platform (Artifactory and Access), as an administrator sees them. */
export class JFrogClient {
    /** `host[:port]`, for errors. */
    readonly host: string;
    private readonly http: AdminClient;
    private runToken: Promise<RunToken> | undefined;

    constructor(private readonly account: RegistryAccount) {
        this.http = new AdminClient(account);
        this.host = account.endpoint.host;
    }

    /**
     * Calls an API; any status below 300 and those in `accept` are returned, the latter only as the platform's own.
     * @param path with `/artifactory/api` or `/access/api`
     * @throws RegistryError `REGISTRY_FEATURE_DISABLED` for what this edition does not have
     */
    async call(
        request: AdminRequest,
        accept: readonly number[] = [],
        fixes: Readonly<Record<number, string>> = {},
    ): Promise<AdminResponse> {
        const token = await this.token();
        const response = await this.send({
            ...request,
            account: this.accountName,
            headers: { ...ANY_TYPE, authorization: `Bearer ${token}`, ...request.headers },
        });
        if (response.status < 300) return response;
        if (needsPro(response)) throw proError(response);
        const isOwn = response.status === 404 ? isAbsence(response) : isJFrogError(response);
        if (isOwn && accept.includes(response.status)) return response;
        const error = adminError(response, { ...FIXES, ...fixes });
        throw error.code === "NOT_FOUND" && !isOwn ? foreignAbsence(response.context) : error;
    }

    /** A resource; undefined if the platform itself responds that it does not exist. */
    async get<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
        const response = await this.call({ method: "GET", path }, [404]);
        return response.status === 404 ? undefined : parseBody(response, schema);
    }

    /** The response to a request without credentials, whatever its status. */
    async anonymous(path: string): Promise<AdminResponse> {
        return this.http.send({ method: "GET", path, headers: ANY_TYPE });
    }

    /** The same, asked once: 503 is a response to the question. */
    async anonymousOnce(path: string): Promise<AdminResponse> {
        return this.http.attempt({ method: "GET", path, headers: ANY_TYPE });
    }

    /**
     * Does the platform accept these credentials? `GET /v2/` alone is no proof: with anonymous access it is 200 for
     * everybody. A rejected Basic login is 401 at Artifactory.
     */
    async takes(credentials: Credentials): Promise<boolean> {
        const response = await this.http.send({
            method: "GET",
            path: "/artifactory/api/system/version",
            account: credentials.username,
            headers: { ...ANY_TYPE, authorization: basicAuthorization(credentials) },
        });
        if (response.status === 401 && isJFrogError(response)) return false;
        // Whether a token of a group may read the version is not documented.
        const isDenied = response.status === 403 && isJFrogError(response);
        if (response.status !== 200 && !isDenied) throw adminError(response, FIXES);
        return this.isGreeted(credentials);
    }

    /** What a cluster does first. */
    private async isGreeted(credentials: Credentials): Promise<boolean> {
        try {
            return (await ping(this.account, credentials)) === 200;
        } catch (error) {
            if (error instanceof RegistryError && error.status === 401) return false;
            throw error;
        }
    }

    /** Ends the token that was made for this operation, then every socket. */
    async close(): Promise<void> {
        const token = await this.runToken?.catch(() => undefined);
        // An interrupted operation ends its token all the same.
        if (token !== undefined) await this.whileEnding((http) => revokeRunToken(http, token));
        await this.http.close();
    }

    /** Revokes a token that a failed operation created, also after an interruption. A failure to do so is no error. */
    async discardToken(id: string): Promise<void> {
        const request = { method: "DELETE", path: `${TOKENS}/${encodeURIComponent(id)}` } as const;
        try {
            const headers = { ...ANY_TYPE, authorization: `Bearer ${await this.token()}` };
            await this.whileEnding((http) => http.send({ ...request, account: this.accountName, headers }));
        } catch {
            // What made the operation fail is the error to report, and the next creation revokes the token.
        }
    }

    /** Repeats `look` while it throws `NOT_FOUND`: what was just created may take a while to be readable. */
    async untilReadable<T>(look: () => Promise<T>): Promise<T> {
        const isAbsent = (error: unknown): error is RegistryError =>
            error instanceof RegistryError && error.code === "NOT_FOUND";
        return withRetry(this.retry, this.account.signal, look, undefined, isAbsent);
    }

    private get retry() {
        return { ...DEFAULT_RETRY, seconds: this.account.retrySeconds };
    }

    private get accountName(): string {
        const { credentials } = this.account;
        return "token" in credentials ? "registryToken (an access token)" : credentials.username;
    }

    private async token(): Promise<string> {
        const { credentials } = this.account;
        if ("token" in credentials) return credentials.token;
        this.runToken ??= createRunToken(this.http, this.host, credentials);
        return (await this.runToken).token;
    }

    /** Two changes of the configuration at the same time: the rejected one is sent again. */
    private async send(request: AdminRequest): Promise<AdminResponse> {
        const isConflict = (error: unknown): error is RegistryError =>
            error instanceof RegistryError && error.code === "CONFLICT";
        const attempt = async () => {
            const response = await this.http.send(request);
            if (!isMergeConflict(response)) return response;
            throw new RegistryError("Artifactory's configuration is changed by something else at this moment", {
                ...response.context,
                code: "CONFLICT",
                status: response.status,
                fix: "run again",
            });
        };
        return withRetry(this.retry, this.account.signal, attempt, undefined, isConflict);
    }

    /** Sends requests also after an interruption, within the time that is left then. */
    private async whileEnding(send: (http: AdminClient) => Promise<unknown>): Promise<void> {
        if (this.account.signal?.aborted !== true) {
            await send(this.http);
            return;
        }
        const http = new AdminClient({ ...this.account, signal: AbortSignal.timeout(ENDING_MS) });
        try {
            await send(http);
        } finally {
            await http.close();
        }
    }
}
