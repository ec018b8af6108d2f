import { z } from "zod";
import { type ErrorCode, responseCode } from "../../errors/codes";
import { RegistryError, type RequestContext } from "../../errors/errors";
import { parseJson } from "../../errors/text";
import { temporaryPasswordFix } from "../auth/temporary-password";
import { clientCertificateError, refusalByPage } from "../http/client-certificate-errors";
import { resumeHint } from "../http/resume-hint";
import type { HttpResponse } from "../http/transport";
import { readErrorBody } from "./error-body";
import { describeHtmlPage } from "./html-page";

const REDIRECTED_WRITE =
    "let what stands in front of the registry redirect with 307 or 308, which keep the method, or name the final host in " +
    "site.registry.mirrorBase";

// A correct account is rejected too where the clock that issues tokens is not the one that reads them.
const ACCOUNT_FIX =
    "check registryUsername and registryPassword of the stack (pullerUsername and pullerPassword, if it is the account that " +
    "clusters pull with; a robot account of the stack is repaired by `npm run up`), or the account that the command line names, " +
    "what the account may do, and the clocks of the registry's machines";

const FIXES: Readonly<Record<number, string>> = {
    301: REDIRECTED_WRITE,
    302: REDIRECTED_WRITE,
    303: REDIRECTED_WRITE,
    401: ACCOUNT_FIX,
    403: "give the account the right it lacks, or more quota",
    405: "check whether the registry is read-only, or does not offer this",
    412: "change the policy of the project that forbids it (immutable tags, content trust)",
    413: "raise the largest body that the registry or the proxy in front of it accepts",
    429: "run again later, or lower site.transfer.requests",
    500: "look into the registry's log, and at its disk: a full one causes this too",
    507: "free space on the registry's disk",
};

/** Every instance signs the state of an upload with its secret, and keeps its bytes in its storage. */
const SPLIT_UPLOADS =
    "if the registry has several instances, give them the same secret (distribution: http.secret, REGISTRY_HTTP_SECRET) and the " +
    "same storage, or let the load balancer send all requests of a client to one of them";

/** What a status means where the registry gives no reason. */
const MEANINGS: Readonly<Record<number, string>> = {
    400: "the registry rejected the request",
    404: "the registry does not have it",
    405: "the registry does not allow this",
    409: "it conflicts with what the registry has",
    412: "a policy of the registry forbids it",
    413: "the request is too large for the registry, or for a proxy in front of it",
    416: "the registry rejected the range",
    429: "the registry has too many requests",
};

/** Failures that pass by themselves, or when somebody has freed space: the next run resumes. */
const RESUMABLE = new Set([500, 507]);

/** A registry that reports a full disk or an exhausted share of it (errno(3): ENOSPC, EDQUOT, EFBIG). */
const NO_SPACE = /no space left on device|disk quota exceeded|file too large/i;
/** Quay on SQLite while another request writes: it passes, whatever the status is. */
const LOCKED = /database is locked/i;

/**
 * The error for a response that is not what the operation asked for.
 * @param text its body: untrusted
 * @param fix absent: what the status calls for
 */
export function responseError(response: HttpResponse, text: string, fix?: string): RegistryError {
    const { status, context } = response;
    const refusal = refusalByPage(status, text);
    if (refusal !== undefined) return clientCertificateError(refusal, context, { status });
    const { code, registryCode, problem } = readFailure(response, text);
    const isRejected = status === 401 || status === 403;
    const temporary = isRejected ? temporaryPasswordFix(context.account) : undefined;
    const known = CODE_FIXES[code] ?? temporary ?? fix ?? statusFix(code === "DISK_FULL" ? 507 : status, context);
    return new RegistryError(problem, {
        ...context,
        code,
        registryCode,
        status,
        fix: known,
        retryAfter: retryAfterSeconds(response.headers["retry-after"], serverTime(response)),
    });
}

/** The error of a token endpoint. A wrong password may be denied there as well as rejected: olareg responds 403. */
export function tokenError(response: HttpResponse, text: string): RegistryError {
    return responseError(response, text, response.status === 403 ? ACCOUNT_FIX : undefined);
}

/** Why the account is right nevertheless, and the registry is not reached: see `NOT_A_REGISTRY`. */
const PAGE_FIX =
    "check host and port of site.registry.mirrorBase, and let what stands in front of the registry pass every method and " +
    "path below /v2/ to it, without a login page (single sign-on, captive portal, web application firewall)";

/** Fixes that the status alone does not give. */
const CODE_FIXES: Readonly<Partial<Record<ErrorCode, string>>> = {
    NOT_A_REGISTRY: PAGE_FIX,
    BLOB_UPLOAD_INVALID: SPLIT_UPLOADS,
    BLOB_UPLOAD_UNKNOWN: SPLIT_UPLOADS,
};

function statusFix(status: number, context: RequestContext): string | undefined {
    const fix = FIXES[status];
    return fix === undefined || !RESUMABLE.has(status) ? fix : `${fix}${resumeHint(context)}`;
}

interface Failure {
    readonly code: ErrorCode;
    readonly registryCode?: string;
    readonly problem: string;
}

function readFailure({ status, context, headers, url }: HttpResponse, text: string): Failure {
    if (LOCKED.test(text)) return { code: "DATABASE_LOCKED", problem: "the registry's database is locked" };
    // distribution has it in `errors[].detail` of a 500.
    const noSpace = status >= 500 ? NO_SPACE.exec(text)?.[0] : undefined;
    if (noSpace !== undefined || status === 507) {
        const reason = noSpace === undefined ? "" : `: ${noSpace}`;
        return { code: "DISK_FULL", problem: `the registry's disk is full${reason}` };
    }
    const page = describeHtmlPage(text);
    if (page !== undefined && isPageStatus(status)) return { code: "NOT_A_REGISTRY", problem: pageProblem(page, url) };
    const { code, reason } = readErrorBody(text);
    if (status >= 300 && status < 400)
        return { code: "UNEXPECTED_RESPONSE", problem: redirectProblem(headers.location) };
    return { ...responseCode(status, code), problem: statusProblem(status, reason, context) };
}

/** Statuses that a registry sends with a reason; a proxy that lost its registry has pages for 5xx, and its own limit for 413. */
function isPageStatus(status: number): boolean {
    return status < 500 && ![401, 413, 429].includes(status);
}

function pageProblem(page: string, url: URL): string {
    return `this is not a response of a registry but ${page}, from ${url.origin}${url.pathname}`;
}

function redirectProblem(location: string | string[] | undefined): string {
    const place = typeof location === "string" && URL.canParse(location) ? new URL(location).origin : "another URL";
    return `the request was redirected to ${place}`;
}

/**
 * @throws RegistryError `NOT_A_REGISTRY` if the body is a page of something else than a registry,
 * `CLIENT_CERTIFICATE_REQUIRED` or `CLIENT_CERTIFICATE_REJECTED` if it is about the client certificate
 */
export function rejectPage(response: HttpResponse, text: string): void {
    const refusal = refusalByPage(response.status, text);
    if (refusal !== undefined) throw clientCertificateError(refusal, response.context, { status: response.status });
    const page = describeHtmlPage(text);
    if (page === undefined) return;
    throw new RegistryError(pageProblem(page, response.url), {
        ...response.context,
        code: "NOT_A_REGISTRY",
        status: response.status,
        fix: PAGE_FIX,
    });
}

/** What a failed request means, with the registry's reason. A rejected account is named: it is never secret. */
export function statusProblem(
    status: number,
    reason: string | undefined,
    { account }: Pick<RequestContext, "account">,
): string {
    const rejected = accountProblem(status, account);
    if (rejected !== undefined) return reason === undefined ? rejected : `${rejected}: ${reason}`;
    return reason ?? MEANINGS[status] ?? (status >= 500 ? SERVER_FAILED : `the response has the status ${status}`);
}

const SERVER_FAILED = "the registry, or a proxy in front of it, failed";

function accountProblem(status: number, account: string | undefined): string | undefined {
    if (status === 401) {
        return account === undefined
            ? "the registry asks for an account"
            : `the registry rejected the account ${account}`;
    }
    if (status !== 403) return undefined;
    return account === undefined ? "the registry denied this" : `the registry denied this to the account ${account}`;
}

/**
 * Codes with which registries report that something does not exist: those of distribution-spec ("Error Codes"), Harbor's
 * `NOT_FOUND`, and Quay's `TAG_EXPIRED` for a tag that was deleted. olareg has `MANIFEST_BLOB_UNKNOWN` for a manifest whose
 * bytes it has lost.
 */
const ABSENCE_CODES: ReadonlySet<string> = new Set([
    "BLOB_UNKNOWN",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_UNKNOWN",
    "NAME_UNKNOWN",
    "NOT_FOUND",
    "TAG_EXPIRED",
]);

const absenceError = z.union([
    z.object({ code: z.string().refine((code) => ABSENCE_CODES.has(code)) }),
    // Artifactory has no code where the Docker repository itself is missing.
    z.object({ code: z.undefined().optional(), status: z.literal(404) }),
]);
const errorList = z.object({ errors: z.array(z.unknown()) });

/**
 * True if the body of a 404 is a registry's own report that something does not exist. JSON without one of its codes, an
 * empty list of errors, a page and an empty body come from gateways as well, and prove nothing.
 */
export function provesAbsence(text: string): boolean {
    const { errors = [] } = errorList.safeParse(parseJson(text)).data ?? {};
    return errors.some((error) => absenceError.safeParse(error).success);
}

/** True for a 404 with the version header of distribution, whose router has no error JSON for a route that it lacks. */
export function lacksRoute(response: HttpResponse, text: string): boolean {
    if (provesAbsence(text)) return true;
    const type = headerText(response, "content-type");
    return headerText(response, "docker-distribution-api-version") !== "" && type.startsWith("text/plain");
}

/** True for a registry's own report that it does not offer this (distribution-spec, "Error Codes": `UNSUPPORTED`). */
export function reportsUnsupported(text: string): boolean {
    return readErrorBody(text).code === "UNSUPPORTED";
}

/** The error for a 404 that is not the registry's: what was asked for may exist. */
export function foreignAbsence(context: RequestContext): RegistryError {
    return new RegistryError("this is not a response of a registry, so it proves nothing", {
        ...context,
        code: "UNEXPECTED_RESPONSE",
        status: 404,
        fix:
            "check what stands in front of the registry and that the registry behind it runs; at Gitea and Forgejo, that the " +
            "path begins with a user or an organization",
    });
}

/** True for the error of `foreignAbsence`. */
export function isForeignAbsence(error: unknown): boolean {
    return error instanceof RegistryError && error.code === "UNEXPECTED_RESPONSE" && error.status === 404;
}

/** The error of a deletion: a registry responds 405 when deletion is turned off, which it is by default at distribution. */
export function deletionError(response: HttpResponse, text: string): RegistryError {
    return responseError(response, text, DELETION_FIXES[response.status]);
}

const RIGHT_TO_DELETE =
    "give the account the right to delete; a robot account of the stack gets it from `npm run up` while site.onRemove is " +
    "delete, before a destroy can use it";

const DELETION_FIXES: Readonly<Record<number, string>> = {
    401: RIGHT_TO_DELETE,
    403: RIGHT_TO_DELETE,
    405: "turn deletion on in the registry (distribution: storage.delete.enabled: true), or set site.onRemove: keep",
};

function headerText(response: HttpResponse, name: string): string {
    const value = response.headers[name];
    return typeof value === "string" ? value.toLowerCase() : "";
}

/** Retry-After as seconds from `now`, 0 or more: a number of seconds or an HTTP date (RFC 9110 §10.2.3). */
export function retryAfterSeconds(header: string | string[] | undefined, now: number): number | undefined {
    if (typeof header !== "string") return undefined;
    const seconds = Number(header);
    // A parser of dates would take -5 for a month.
    if (!Number.isNaN(seconds)) return seconds >= 0 && seconds < Infinity && header.trim() !== "" ? seconds : undefined;
    const date = Date.parse(header);
    return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000);
}

/** A date in Retry-After is one of the server's clock, which may be wrong; its Date header says how. */
export function serverTime(response: Pick<HttpResponse, "headers">): number {
    const { date } = response.headers;
    const server = typeof date === "string" ? Date.parse(date) : NaN;
    return Number.isNaN(server) ? Date.now() : server;
}
