import type { IncomingHttpHeaders } from "node:http";
import type { Harbor, Principal } from "./harbor-state";

/** One call of the fake's API, its principal known and its body read. */
export interface Call {
    readonly harbor: Harbor;
    readonly principal: Principal;
    readonly method: string;
    readonly path: string;
    readonly query: URLSearchParams;
    readonly headers: IncomingHttpHeaders;
    /** Parsed JSON; undefined without a body. */
    readonly body: unknown;
    /** Groups of the route's pattern. */
    readonly params: readonly string[];
}

export interface Reply {
    readonly status: number;
    /** JSON, or text as it is. */
    readonly json?: unknown;
    readonly text?: string;
    readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Method, pattern of the path below `/api/v2.0`, what answers, and the versions of Harbor on which the tests of the stand-in
 * were seen to pass with it: none for a route that was written from reading.
 */
export type Route = readonly [
    method: string,
    pattern: RegExp,
    answer: (call: Call) => Reply | Promise<Reply>,
    seenOn: readonly string[],
];

/** `test/integration/fake-harbor.test.ts` asks every route that has this mark. */
export const SEEN = ["2.15.2"];

/** §3 "Errors": `{"errors":[{"code","message"}]}`. */
export class HarborFault extends Error {
    constructor(
        readonly status: number,
        readonly code: string,
        message: string,
    ) {
        super(message);
    }
}

export const badRequest = (message: string) => new HarborFault(400, "BAD_REQUEST", message);
export const unauthorized = (message = "unauthorized") => new HarborFault(401, "UNAUTHORIZED", message);
export const forbidden = (message = "forbidden") => new HarborFault(403, "FORBIDDEN", message);
export const denied = (message: string) => new HarborFault(403, "DENIED", message);
export const notFound = (message: string) => new HarborFault(404, "NOT_FOUND", message);
export const conflict = (message: string) => new HarborFault(409, "CONFLICT", message);
export const precondition = (message: string) => new HarborFault(412, "PRECONDITION", message);
/** §3 "Errors": schema and binding failures. */
export const unprocessable = (message: string) => new HarborFault(422, "UNPROCESSABLE_ENTITY", message);

/** §3 "Pagination": page_size 10 by default, at most 100, 0 or less is everything; past the end `[]`. */
export function paged(call: Call, items: readonly unknown[]): Reply {
    const size = Number(call.query.get("page_size") ?? 10);
    const page = Number(call.query.get("page") ?? 1);
    if (!Number.isInteger(size) || size > 100)
        throw unprocessable("page_size in query should be less than or equal to 100");
    const shown = size <= 0 ? items : items.slice((page - 1) * size, page * size);
    return { status: 200, json: shown, headers: { "x-total-count": String(items.length) } };
}

/** §3 "Pagination": URL-decoded twice (once by the query parser); unknown keys are ignored; without `=` 400. */
export function filters(call: Call): Map<string, string> {
    const q = call.query.get("q");
    if (q === null || q === "") return new Map();
    return new Map(
        decodeURIComponent(q)
            .split(",")
            .map((part) => {
                const at = part.indexOf("=");
                if (at === -1) throw badRequest(`the query string must be in the format of key=value: ${part}`);
                return [part.slice(0, at).toLowerCase(), part.slice(at + 1)] as const;
            }),
    );
}

/** The fields of a body, of which those named must have the type given. */
export function fields(body: unknown, types: Readonly<Record<string, string>>): Record<string, unknown> {
    if (typeof body !== "object" || body === null || Array.isArray(body))
        throw unprocessable("body in body is required");
    for (const [name, type] of Object.entries(types)) {
        const value = (body as Record<string, unknown>)[name];
        if (value !== undefined && value !== null && typeof value !== type) {
            throw unprocessable(`parsing body body from "" failed, because json: cannot unmarshal ${name}`);
        }
    }
    return body as Record<string, unknown>;
}
