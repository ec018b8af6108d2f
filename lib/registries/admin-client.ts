import type { z } from "zod";
import { type ErrorCode, responseCode } from "../errors/codes";
import { RegistryError, type RequestContext } from "../errors/errors";
import { parseJson } from "../errors/text";
import { readErrorBody } from "../distribution/client/error-body";
import { retryAfterSeconds, serverTime, statusProblem } from "../distribution/client/response-errors";
import { DEFAULT_RETRY, withRetry } from "../distribution/limits/retry";
import { clientCertificateError, refusalByPage } from "../distribution/http/client-certificate-errors";
import { openTransport } from "../distribution/http/open-transport";
import type { HttpResponse, HttpRequest, Transport } from "../distribution/http/transport";
import type { RegistryAccount } from "./registry-admin";

/** A request to a registry's administration API. */
export interface AdminRequest {
    readonly method: HttpRequest["method"];
    /** Path with query, encoded. */
    readonly path: string;
    readonly headers?: Readonly<Record<string, string>>;
    /** Sent as JSON. */
    readonly json?: unknown;
    /** Sent as a form, in place of JSON. */
    readonly form?: URLSearchParams;
    /** Repeating it is harmless. Default: true for GET, HEAD, PUT and DELETE. */
    readonly repeatable?: boolean;
    /** The account that it is made with, for errors. */
    readonly account?: string | undefined;
}

export interface AdminResponse {
    /** For errors: "POST /api/v2.0/robots", never with a query, which may hold what is sought. */
    readonly context: RequestContext;
    readonly status: number;
    readonly headers: HttpResponse["headers"];
    readonly text: string;
}

/** Longer than any page of a list. */
const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;
/** Passing by themselves. 500 is not: some APIs respond with it for good. */
const PASSING = new Set([408, 429, 502, 503, 504]);
const IN_FRONT =
    "check site.registry.type and site.registry.mirrorBase, and what stands in front of the registry (a login page, a proxy)";

/**
 * Requests to a registry's administration API: over verified TLS, without cookies, redirects never followed, repeated
 * while that is harmless. No error text holds a body that was sent or that is not an error's own message.
 */
export class AdminClient {
    private readonly transport: Transport;

    constructor(private readonly account: Pick<RegistryAccount, "endpoint" | "retrySeconds" | "signal">) {
        this.transport = openTransport(account.endpoint, 4);
    }

    /** The response whatever its status, except those that pass by themselves. @throws RegistryError */
    async send(request: AdminRequest): Promise<AdminResponse> {
        const { signal, retrySeconds } = this.account;
        const repeatable = request.repeatable ?? !["POST", "PATCH"].includes(request.method);
        const policy = { ...DEFAULT_RETRY, seconds: repeatable ? retrySeconds : 0 };
        return withRetry(policy, signal, async () => {
            const response = await this.attempt(request);
            if (PASSING.has(response.status)) throw adminError(response);
            return response;
        });
    }

    async close(): Promise<void> {
        await this.transport.close();
    }

    /** One attempt, and its response whatever the status. @throws RegistryError if there is none */
    async attempt(request: AdminRequest): Promise<AdminResponse> {
        const url = new URL(request.path, this.transport.origin);
        const operation = `${request.method} ${url.pathname}`;
        const body =
            request.form?.toString() ?? (request.json === undefined ? undefined : JSON.stringify(request.json));
        const type = request.form === undefined ? "application/json" : "application/x-www-form-urlencoded";
        const response = await this.transport.send({
            method: request.method,
            url,
            operation,
            account: request.account,
            signal: this.account.signal,
            headers: {
                accept: "application/json",
                ...(body === undefined ? {} : { "content-type": type }),
                ...request.headers,
            },
            ...(body === undefined ? {} : { body: Buffer.from(body) }),
        });
        const { context, status, headers } = response;
        return { context, status, headers, text: await wholeText(response) };
    }
}

/** A successful response is longer than this program reads. */
export class OversizedResponseError extends RegistryError {}

function oversized({ context, status }: Pick<AdminResponse, "context" | "status">): RegistryError {
    const problem = `the response (${status}) is longer than ${MAX_RESPONSE_BYTES / 1024 / 1024} MiB`;
    const facts = { ...context, code: "UNEXPECTED_RESPONSE", fix: IN_FRONT } as const;
    return status < 300 ? new OversizedResponseError(problem, facts) : new RegistryError(problem, facts);
}

async function wholeText(response: HttpResponse): Promise<string> {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of response.bytes()) {
        length += chunk.length;
        if (length > MAX_RESPONSE_BYTES) throw oversized(response);
        chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
}

/**
 * The response's JSON, of the shape it must have.
 * @throws RegistryError `UNEXPECTED_RESPONSE` for HTML, JSON that ends early, or another shape
 */
export function parseBody<T>(response: AdminResponse, schema: z.ZodType<T>): T {
    const value = parseJson(response.text);
    if (value === undefined) {
        const type = contentType(response) || "no content type";
        throw unexpected(
            response,
            type.includes("json") ? "is JSON that is broken or ends early" : `is ${type} instead of JSON`,
        );
    }
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const places = parsed.error.issues.slice(0, 3).map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw unexpected(response, `is JSON of another shape (${places.join("; ")})`);
}

function contentType({ headers }: Pick<AdminResponse, "headers">): string {
    return String(headers["content-type"] ?? "").split(";")[0] ?? "";
}

/** Without an HTTP status: 200 with an SSO page is not a success, 404 with one does not mean that something is absent. */
function unexpected({ context, status }: Pick<AdminResponse, "context" | "status">, what: string): RegistryError {
    return new RegistryError(`the response (${status}) ${what}`, {
        ...context,
        code: "UNEXPECTED_RESPONSE",
        fix: IN_FRONT,
    });
}

/**
 * The error for a response that is not a success. A redirect, and a body that is not the registry's, are reported as such.
 * @param fixes by status
 */
export function adminError(response: AdminResponse, fixes: Readonly<Record<number, string>> = {}): RegistryError {
    const { context, status, headers } = response;
    const refusal = refusalByPage(status, response.text);
    if (refusal !== undefined) return clientCertificateError(refusal, context, { status });
    const { code, reason } = readErrorBody(response.text);
    const { location } = headers;
    if (status >= 300 && status < 400 && typeof location === "string") {
        return unexpected(response, `is a redirect to ${redirectOrigin(location)}`);
    }
    const type = contentType(response);
    const isForeign = code === undefined && reason === undefined && type.includes("html");
    if (isForeign && status < 500 && status !== 429) {
        return unexpected(response, `is ${type}, which is not the registry's own`);
    }
    const requestId = status >= 500 ? headers["x-request-id"] : undefined;
    const log = typeof requestId === "string" ? ` (request ${requestId.slice(0, 64)} in its log)` : "";
    return new RegistryError(`${statusProblem(status, reason, context)}${log}`, {
        ...context,
        ...responseCode(status, code),
        status,
        fix: fixes[status],
        retryAfter: retryAfterSeconds(headers["retry-after"], serverTime(response)),
    });
}

/** The error for a list that repeats its pages, or has more of them than can be. */
export function endlessList(response: AdminResponse): RegistryError {
    return unexpected(response, "is one page too many: the pages of this list have no end");
}

function redirectOrigin(location: string): string {
    return URL.canParse(location) ? new URL(location).origin : "another place";
}

const UNKNOWN_OUTCOME = new Set<ErrorCode>(["NETWORK", "TIMEOUT", "UNEXPECTED_RESPONSE"]);

/** True if a request may have been carried out although its response was lost: look for what it created. */
export function isOutcomeUnknown(error: unknown): boolean {
    if (!(error instanceof RegistryError)) return false;
    return UNKNOWN_OUTCOME.has(error.code) || (error.status ?? 0) >= 500;
}
