import type { z } from "zod";
import type { Limiter } from "../../concurrency/limiter";
import type { RetryPolicy } from "../../concurrency/retry";
import { withRetry } from "../../distribution/limits/retry";
import { toProblem } from "../../errors/errors";
import { type AdminClient, type AdminRequest, parseBody } from "../admin-client";
import type { RegistryAccount } from "../registry-admin";
import { type QuayResponse, isCsrfRejection, isNotFound, quayError, readResponse } from "./response";

type Method = "GET" | "PUT" | "POST" | "DELETE";

/** What a request is let in by: a bearer token, or a session with its cookies and its CSRF token. */
export interface Authorization {
    /** The account, for errors. */
    readonly account?: string | undefined;
    headers(): Promise<Readonly<Record<string, string>>>;
    /** Where there is one: the next headers are of a new session. */
    renew?(): void;
}

/** No account at all. */
export const ANONYMOUS: Authorization = { headers: () => Promise.resolve({}) };

export function bearer(token: string, account: string | undefined): Authorization {
    return { account, headers: () => Promise.resolve({ authorization: `Bearer ${token}` }) };
}

export interface QuayConnection {
    readonly client: AdminClient;
    /** `host[:port]`, for errors. */
    readonly host: string;
    readonly retry: RetryPolicy;
    readonly signal?: AbortSignal | undefined;
    readonly onWait?: RegistryAccount["onWait"] | undefined;
    /** Requests at once: Quay on SQLite has one worker, and a database that is locked while somebody writes. */
    readonly limiter: Limiter;
}

/**
 * Requests to one Quay with one authorization. Responses that are about the resource are returned (also 400, 403 and
 * 404, which mean something different for each call); all others throw a RegistryError: no connection, a rejected
 * account (401, the CSRF rejection), too many requests, an error of the server.
 */
export class QuayApi {
    constructor(
        readonly connection: QuayConnection,
        private readonly authorization: Authorization,
    ) {}

    /** The account of the requests, for errors. */
    get account(): string | undefined {
        return this.authorization.account;
    }

    /** The same Quay with another authorization. */
    as(authorization: Authorization): QuayApi {
        return new QuayApi(this.connection, authorization);
    }

    /** The same authorization over another connection. */
    over(connection: QuayConnection): QuayApi {
        return new QuayApi(connection, this.authorization);
    }

    /** The same, for use inside of something that is retried as a whole. */
    withoutRetry(): QuayApi {
        const retry = { ...this.connection.retry, seconds: 0 };
        return new QuayApi({ ...this.connection, retry }, this.authorization);
    }

    /** Retried: reading is harmless. @param path `/api/v1/organization/mirror` */
    get(path: string): Promise<QuayResponse> {
        return this.retrying(() => this.once("GET", path));
    }

    /** One attempt, and its response also where it says that Quay cannot answer. @throws RegistryError if there is none */
    async getWhateverStatus(path: string): Promise<QuayResponse> {
        return this.attempt("GET", path, {});
    }

    /** The body of a 200. @throws RegistryError for every other response */
    async read<T>(path: string, schema: z.ZodType<T>): Promise<T> {
        return parseBody(expect(await this.get(path), 200), schema);
    }

    /** Retried: only for PUTs that set the same thing however often they come. */
    put(path: string, body: object): Promise<QuayResponse> {
        return this.retrying(() => this.once("PUT", path, body));
    }

    /** Retried. */
    delete(path: string): Promise<QuayResponse> {
        return this.retrying(() => this.once("DELETE", path));
    }

    /** One attempt: for requests that create something new each time, also if the response is lost. */
    async once(method: Method, path: string, body?: object): Promise<QuayResponse> {
        return this.send(method, path, body === undefined ? {} : { json: body });
    }

    /** One attempt with a form, as a browser sends it. */
    async form(path: string, fields: Readonly<Record<string, string>>): Promise<QuayResponse> {
        return this.send("POST", path, { form: new URLSearchParams(fields) });
    }

    retrying<T>(operation: () => Promise<T>): Promise<T> {
        const { retry, signal, onWait, limiter } = this.connection;
        return withRetry(retry, signal, operation, (error, milliseconds) =>
            onWait?.({
                problem: toProblem(error),
                seconds: milliseconds / 1000,
                requests: limiter.limit,
            }),
        );
    }

    private async send(method: Method, path: string, body: Pick<AdminRequest, "json" | "form">): Promise<QuayResponse> {
        const first = await this.attempt(method, path, body);
        const { renew } = this.authorization;
        if (renew === undefined || !isUnauthenticated(first)) return answered(first);
        // The session is over, which an account that was signed in a moment ago cannot know: nothing was done yet.
        renew();
        return answered(await this.attempt(method, path, body));
    }

    private async attempt(
        method: Method,
        path: string,
        body: Pick<AdminRequest, "json" | "form">,
    ): Promise<QuayResponse> {
        const { client, limiter } = this.connection;
        const { account } = this.authorization;
        // Not within the limiter: a sign-in takes a slot of its own.
        const headers = await this.authorization.headers();
        return limiter.run(async () => readResponse(await client.attempt({ method, path, headers, account, ...body })));
    }
}

function isUnauthenticated(response: QuayResponse): boolean {
    return response.status === 401 || isCsrfRejection(response);
}

/** The response, if it says something about what was asked. @throws RegistryError otherwise */
function answered(response: QuayResponse): QuayResponse {
    const { status } = response;
    if (isUnauthenticated(response) || status === 408 || status === 429 || status >= 500) throw quayError(response);
    return response;
}

/** The response, if it has one of the statuses. @throws RegistryError for any other */
export function expect(response: QuayResponse, ...statuses: readonly number[]): QuayResponse {
    if (statuses.includes(response.status)) return response;
    throw quayError(response);
}

/** Accepts the response to a DELETE of something that is removed now, or was before. @throws RegistryError otherwise */
export function expectRemoved(response: QuayResponse): void {
    if (!isNotFound(response)) expect(response, 204);
}

/**
 * Creates something of which there may be only one, by a request that must not be repeated blindly: it is looked for
 * before each attempt, so that one whose response was lost is found and not created twice.
 * @param read undefined if it definitely does not exist; gets an API that does not retry, since the whole is retried
 */
export async function ensured<T>(
    api: QuayApi,
    read: (once: QuayApi) => Promise<T | undefined>,
    make: (once: QuayApi) => Promise<void>,
): Promise<T | undefined> {
    const once = api.withoutRetry();
    return api.retrying(async () => {
        const found = await read(once);
        if (found !== undefined) return found;
        await make(once);
        return read(once);
    });
}
