import type { Contents } from "../registry-contents";
import type { Platform, Principal } from "./model";

/** One call of the fake's APIs. */
export interface Call {
    readonly platform: Platform;
    readonly contents: Contents;
    readonly principal: Principal;
    /** By a password, not a token. */
    readonly isBasic: boolean;
    readonly path: string;
    readonly query: URLSearchParams;
    /** Parsed JSON; undefined without a body. */
    readonly body: unknown;
    /** Groups of the route's pattern. */
    readonly params: readonly string[];
    /** What the program must not send: the test fails for it. */
    strange(what: string): void;
}

export interface Reply {
    readonly status: number;
    /** JSON, or text as it is. */
    readonly json?: unknown;
    readonly text?: string;
    readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Method, pattern of the path, what answers, and the page of JFrog's documentation that it is from (jfrog.com/help/r/
 * jfrog-rest-apis/<page>, unless a page names another place). None was ever seen on a real server.
 */
export type Route = readonly [method: string, pattern: RegExp, answer: (call: Call) => Reply, source: string];

/** An error of Artifactory (with a status) or of its Access service (with a code). */
export class JFrogFault extends Error {
    constructor(
        readonly status: number,
        message: string,
        readonly code?: string,
    ) {
        super(message);
    }

    get reply(): Reply {
        const { status, message, code } = this;
        return { status, json: { errors: [code === undefined ? { status, message } : { code, message }] } };
    }
}

export const artifactoryFault = (status: number, message: string) => new JFrogFault(status, message);
export const accessFault = (status: number, code: string, message: string) => new JFrogFault(status, message, code);

/** github.com/jfrog/artifactory-client-java/issues/203, and create-repository: "Requires Artifactory Pro". */
export function requirePro({ platform }: Call): void {
    if (platform.edition === "pro") return;
    throw artifactoryFault(
        400,
        "This REST API is available only in Artifactory Pro (see: jfrog.com/artifactory/features). If you are already running " +
            "Artifactory Pro please make sure your server is activated with a valid license key.\n",
    );
}

export function requireLogin({ principal }: Call): void {
    if (principal.kind === "anonymous") throw artifactoryFault(401, "Bad credentials");
}

export function requireAdmin(call: Call): void {
    requireLogin(call);
    if (!call.platform.isAdmin(call.principal)) throw artifactoryFault(403, "Forbidden");
}

/** create-permission: "Requires admin authentication using Access Tokens". */
export function requireAdminToken({ platform, principal, isBasic }: Call): void {
    if (principal.kind === "anonymous" || isBasic) throw accessFault(401, "UNAUTHORIZED", "HTTP 401 Unauthorized");
    if (!platform.isAdmin(principal)) throw accessFault(403, "FORBIDDEN", "Insufficient permissions");
}

/** The fields of a body; those that are not documented are strange. */
export function fields(call: Call, known: readonly string[]): Record<string, unknown> {
    if (typeof call.body !== "object" || call.body === null) throw artifactoryFault(400, "Bad Request");
    const body = call.body as Record<string, unknown>;
    const unknown = Object.keys(body).filter((name) => !known.includes(name));
    if (unknown.length > 0) call.strange(`${call.path}: unknown fields ${unknown.join(", ")}`);
    return body;
}
