import { z } from "zod";
import { RegistryError, resumeHint } from "../../errors/errors";
import type { HttpResponse } from "../http/transport";

const FIXES: Readonly<Record<number, string>> = {
    // One that is right gets it too where the clock that issues tokens is not the one that reads them.
    401:
        "check registryUsername and registryPassword of the stack, or the account that the command line names, what the " +
        "account may do, and the clocks of the registry's machines",
    403: "give the account the right it lacks, or more quota",
    405: "the registry is read-only or does not offer this: check its mode",
    500: "look into the registry's log, and at its disk: a full one answers like this",
    429: "it is asked for too much at once: run again later, or lower site.transfer.requests",
    507: "the registry's disk is full: make room there",
    413: "raise the largest body that the registry or the proxy in front of it accepts",
};

/** Statuses that pass by themselves, or when somebody has made room. */
const GOES_ON = new Set([500, 507]);

function fixFor(status: number, operation: string): string | undefined {
    const fix = FIXES[status];
    return fix === undefined || !GOES_ON.has(status) ? fix : `${fix}${resumeHint(operation)}`;
}

/**
 * The error for an answer that is not what the operation asked for.
 * @param text its body
 * @param known what cures it here; absent: what its status calls for
 */
export function responseError(operation: string, response: HttpResponse, text: string, known?: string): RegistryError {
    const { code, message } = firstError(response.status, text);
    const fix = known ?? fixFor(code === DISK_FULL ? 507 : response.status, operation);
    const retryAfter = retryAfterSeconds(response.headers["retry-after"], clockOf(response));
    const words = message === undefined ? "" : `: ${message}`;
    const wait = retryAfter === undefined ? "" : `, to be asked again in ${Math.ceil(retryAfter)} s`;
    return new RegistryError(operation, `${code} (${response.status}${wait})${words}`, {
        code,
        status: response.status,
        ...(fix === undefined ? {} : { fix }),
        ...(retryAfter === undefined ? {} : { retryAfter }),
    });
}

/** Code of a registry that says its disk, or its share of it, is full; the next run goes on when there is room again. */
export const DISK_FULL = "DISK_FULL";
/** errno(3): ENOSPC, EDQUOT, EFBIG. distribution has it in `errors[].detail` of a 500. */
const NO_SPACE = /no space left on device|disk quota exceeded|file too large/i;

/** Code of a registry whose database another writer holds (Quay on SQLite); it passes, whatever the status says. */
export const DATABASE_LOCKED = "DATABASE_LOCKED";

const CODE_OF_STATUS: Readonly<Record<number, string>> = {
    401: "UNAUTHORIZED",
    403: "DENIED",
    404: "NOT_FOUND",
    413: "TOO_LARGE",
    416: "RANGE_INVALID",
    429: "TOOMANYREQUESTS",
};

/** distribution-spec, "Error Codes": `{"errors":[{code,message,detail}]}`. Anything else gets a code by status. */
function firstError(status: number, text: string): { code: string; message: string | undefined } {
    if (/database is locked/i.test(text)) return { code: DATABASE_LOCKED, message: "database is locked" };
    const noSpace = status >= 500 ? NO_SPACE.exec(text)?.[0] : undefined;
    if (noSpace !== undefined || status === 507) return { code: DISK_FULL, message: noSpace };
    const body = errorBody.safeParse(jsonOf(text));
    const first = body.success ? body.data.errors[0] : undefined;
    const code = first !== undefined && CODE.test(first.code) ? first.code : CODE_OF_STATUS[status];
    return { code: code ?? "UNEXPECTED_ANSWER", message: first?.message && readable(first.message) };
}

const CODE = /^[\w.-]{1,64}$/;
const MAX_MESSAGE = 500;

/**
 * A stranger's words as one line: nothing that moves a terminal's cursor, and no header of ours that it repeats. Too many
 * are cut between two of them: nobody finds a secret of which only a part is left.
 */
function readable(message: string): string {
    const line = message
        .replace(/[\s\p{Cc}\p{Cf}]+/gu, " ")
        .replace(/\b(bearer|basic) [\w.~+/=-]{8,}/gi, "$1 [secret]")
        .replace(/\beyJ[\w-]+\.[\w.-]+/g, "[secret]")
        .trim();
    return line.length > MAX_MESSAGE ? `${line.slice(0, Math.max(0, line.lastIndexOf(" ", MAX_MESSAGE)))}…` : line;
}

const errorBody = z.object({
    errors: z.array(z.object({ code: z.string(), message: z.string().optional() })),
});

/** A body as JSON; undefined if it is none. */
export function jsonOf(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}

/** What a 404 is worth: the registry's own word, a stranger's, or not to be told without a body (HEAD has none). */
export type Absence = "definite" | "invented" | "unproven";

/**
 * Whether a 404 is the registry's. Registries answer with the error JSON of the spec: distribution, Harbor and Quay with
 * a `code`, Artifactory with a `status`; an answer to HEAD still has its Content-Type, or distribution's version
 * header. A page, or an empty answer without that header, comes from a proxy that lost its registry: nobody looked.
 */
export function absenceOf(response: HttpResponse, text: string | undefined): Absence {
    const type = headerOf(response, "content-type");
    const isPage = type.startsWith("text/html");
    const isVersioned = headerOf(response, "docker-distribution-api-version") !== "" && !isPage;
    if (text === undefined) return isVersioned || isJson(type) ? "definite" : "unproven";
    if (absentBody.safeParse(jsonOf(text)).success) return "definite";
    return text === "" && isVersioned ? "definite" : "invented";
}

const absentBody = z.object({
    errors: z.array(z.union([z.object({ code: z.string() }), z.object({ status: z.literal(404) })])).min(1),
});

/** The error for a 404 that is not the registry's word: what was asked for may well be there. */
export function inventedAbsence(operation: string): RegistryError {
    return new RegistryError(operation, "UNEXPECTED_ANSWER (404): not an answer of a registry, so it proves nothing", {
        code: "UNEXPECTED_ANSWER",
        status: 404,
        fix: "check what stands in front of the registry and that the registry behind it runs",
    });
}

/** The error of a deletion: a registry says 405 when deletion is turned off, which it is by default at distribution. */
export function deletionRefused(error: RegistryError): RegistryError {
    if (error.status === 401 || error.status === 403) {
        return new RegistryError(error.operation, `${error.code} (${error.status}): the account may not delete here`, {
            code: error.code,
            status: error.status,
            fix:
                "give it the right; a robot account of the stack gets it from `npm run up` while site.onRemove is delete, " +
                "before a destroy can use it",
        });
    }
    if (error.status !== 405) return error;
    return new RegistryError(error.operation, `${error.code} (405): the registry does not delete`, {
        code: error.code,
        status: 405,
        fix: "turn deletion on there (distribution: storage.delete.enabled: true), or set site.onRemove: keep",
    });
}

function isJson(type: string): boolean {
    return /^application\/([\w.-]+\+)?json\b/.test(type);
}

function headerOf(response: HttpResponse, name: string): string {
    const value = response.headers[name];
    return typeof value === "string" ? value.toLowerCase() : "";
}

/** Retry-After as seconds from `now`, 0 or more: a number of seconds or an HTTP date (RFC 9110 §10.2.3). */
export function retryAfterSeconds(header: string | string[] | undefined, now: number): number | undefined {
    if (typeof header !== "string") return undefined;
    const seconds = Number(header);
    // A parser of dates would take -5 for a month.
    if (!Number.isNaN(seconds)) return seconds >= 0 && header.trim() !== "" ? seconds : undefined;
    const date = Date.parse(header);
    return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000);
}

/** A date in Retry-After is one of the server's clock, which may be wrong; its Date header says how. */
export function clockOf(response: Pick<HttpResponse, "headers">): number {
    const { date } = response.headers;
    const server = typeof date === "string" ? Date.parse(date) : NaN;
    return Number.isNaN(server) ? Date.now() : server;
}
