import type { z } from "zod";
import { RegistryError } from "../errors/errors";
import { clockOf, retryAfterSeconds } from "../distribution/client/response-errors";
import { DEFAULT_RETRY, withRetry } from "../distribution/limits/retry";
import { type HttpResponse, type HttpRequest, Transport } from "../distribution/http/transport";
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
}

export interface AdminResponse {
    /** "POST /api/v2.0/robots", for errors; never with a query, which may hold what is sought. */
    readonly operation: string;
    readonly status: number;
    readonly headers: HttpResponse["headers"];
    readonly text: string;
}

/** Longer than any page of a list; an answer beyond it is none of ours. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** Passing by themselves. 500 is not: it is a definite answer of some APIs. */
const PASSING = new Set([408, 429, 502, 503, 504]);
const IN_FRONT = "check what stands in front of the registry (a login page, a proxy), and site.registry.mirrorBase";

/**
 * Requests to a registry's administration API: over verified TLS, without cookies, redirects never followed, repeated
 * while that is harmless. No error text holds a body that was sent or that is not an error's own message.
 */
export class AdminClient {
    private readonly transport: Transport;

    constructor(private readonly account: Pick<RegistryAccount, "endpoint" | "retrySeconds" | "signal">) {
        this.transport = new Transport(account.endpoint, 4);
    }

    /** The answer whatever its status, save those that pass by themselves. @throws RegistryError */
    async send(request: AdminRequest): Promise<AdminResponse> {
        const { signal, retrySeconds } = this.account;
        const repeatable = request.repeatable ?? !["POST", "PATCH"].includes(request.method);
        const policy = { ...DEFAULT_RETRY, seconds: repeatable ? retrySeconds : 0 };
        return withRetry(policy, signal, async () => {
            const response = await this.attempt(request);
            if (PASSING.has(response.status)) throw refusal(response);
            return response;
        });
    }

    async close(): Promise<void> {
        await this.transport.close();
    }

    /** One attempt, and its answer whatever the status. @throws RegistryError if there is none */
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
            signal: this.account.signal,
            headers: {
                accept: "application/json",
                ...(body === undefined ? {} : { "content-type": type }),
                ...request.headers,
            },
            ...(body === undefined ? {} : { body: Buffer.from(body) }),
        });
        const text = await wholeText(response, operation);
        return { operation, status: response.status, headers: response.headers, text };
    }
}

async function wholeText(response: HttpResponse, operation: string): Promise<string> {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of response.bytes()) {
        length += chunk.length;
        if (length > MAX_ANSWER_BYTES) throw unexpected({ operation, status: response.status }, "with an endless body");
        chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
}

/**
 * The answer's JSON, of the shape it must have.
 * @throws RegistryError `UNEXPECTED_ANSWER` for HTML, JSON that ends early, or another shape
 */
export function jsonOf<T>(response: AdminResponse, schema: z.ZodType<T>): T {
    const type = String(response.headers["content-type"] ?? "no content type").split(";")[0] ?? "";
    let value: unknown;
    try {
        value = JSON.parse(response.text);
    } catch {
        const isJson = type.includes("json");
        throw unexpected(response, isJson ? "with JSON that is broken or ends early" : `with ${type} instead of JSON`);
    }
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const places = parsed.error.issues.slice(0, 3).map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw unexpected(response, `with JSON of another shape (${places.join("; ")})`);
}

function unexpected({ operation, status }: Pick<AdminResponse, "operation" | "status">, how: string): RegistryError {
    return new RegistryError(operation, `answered ${status} ${how}`, {
        code: "UNEXPECTED_ANSWER",
        // Not as an HTTP status: 200 with an SSO page is not a success, 404 with one is no "not there".
        fix: IN_FRONT,
    });
}

/** What a vendor's error body says; undefined if it is none of the vendor's. */
export type ErrorReader = (text: string) => { readonly code?: string; readonly message: string } | undefined;

/** The error for an answer that was not hoped for. A redirect, and a body that is not the registry's, are said so. */
export function refusal(
    response: AdminResponse,
    read?: ErrorReader,
    fixes: Readonly<Record<number, string>> = {},
): RegistryError {
    const { operation, status, headers } = response;
    const said = read?.(response.text);
    const location = headers.location;
    if (status >= 300 && status < 400 && typeof location === "string") {
        return unexpected(response, `with a redirect to ${originOf(location)}`);
    }
    const type = String(headers["content-type"] ?? "");
    if (said === undefined && type.includes("html") && status < 500 && status !== 429) {
        return unexpected(response, `with ${type.split(";")[0] ?? ""}, which is not the registry's own`);
    }
    const retryAfter = retryAfterSeconds(headers["retry-after"], clockOf(response));
    const requestId = status >= 500 ? headers["x-request-id"] : undefined;
    const log = typeof requestId === "string" ? `; the registry's log tells more about request ${requestId}` : "";
    const fix = fixes[status];
    const what = said === undefined ? `the registry answered ${status}` : `${said.message} (${status})`;
    return new RegistryError(operation, `${what}${log}`, {
        code: said?.code ?? CODE_OF_STATUS[status] ?? "UNEXPECTED_ANSWER",
        status,
        ...(fix === undefined ? {} : { fix }),
        ...(retryAfter === undefined ? {} : { retryAfter }),
    });
}

const CODE_OF_STATUS: Readonly<Record<number, string>> = {
    401: "UNAUTHORIZED",
    403: "DENIED",
    404: "NOT_FOUND",
    409: "CONFLICT",
    429: "TOOMANYREQUESTS",
};

function originOf(location: string): string {
    return URL.canParse(location) ? new URL(location).origin : "another place";
}

/** True if a request may have been carried out although no answer came: what it made is to be looked for. */
export function isAnswerLost(error: unknown): boolean {
    if (!(error instanceof RegistryError)) return false;
    return ["NETWORK", "TIMEOUT", "UNEXPECTED_ANSWER"].includes(error.code) || (error.status ?? 0) >= 500;
}
