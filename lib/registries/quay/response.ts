import { z } from "zod";
import { RegistryError } from "../../errors/errors";
import { clockOf, jsonOf, retryAfterSeconds } from "../../distribution/client/response-errors";
import type { AdminResponse } from "../admin-client";

/** An answer of Quay's API, with what is in its body. */
export interface QuayResponse extends AdminResponse {
    /** The body as JSON; undefined if it is none: proxies and Quay itself answer many faults in HTML. */
    readonly json: unknown;
    /** What the body says is wrong; undefined for a body without a message. */
    readonly message: string | undefined;
}

export function quayResponse(response: AdminResponse): QuayResponse {
    const json = jsonOf(response.text);
    return { ...response, json, message: messageIn(json) };
}

/**
 * Quay has three shapes of an error: `detail`/`error_message`/`error_type` (RFC 7807-like), `message` (its data model)
 * and `error` (an abort, sent as text/html).
 */
const errorBody = z.object({
    detail: z.string().optional().catch(undefined),
    error_message: z.string().optional().catch(undefined),
    message: z.string().optional().catch(undefined),
    error: z.string().optional().catch(undefined),
    error_type: z.string().optional().catch(undefined),
    is_readonly: z.boolean().optional().catch(undefined),
});

function messageIn(json: unknown): string | undefined {
    const body = errorBody.safeParse(json).data;
    return body?.detail ?? body?.error_message ?? body?.message ?? body?.error ?? ailing(json);
}

/** `/health/instance` answers 503 with what is not well. */
const health = z.object({ data: z.object({ services: z.record(z.string(), z.boolean()) }) });

function ailing(json: unknown): string | undefined {
    const { data } = health.safeParse(json).data ?? {};
    const names = Object.entries(data?.services ?? {}).filter(([, isWell]) => !isWell);
    return names.length === 0 ? undefined : `not well: ${names.map(([name]) => name).join(", ")}`;
}

function typeIn(json: unknown): string | undefined {
    return errorBody.safeParse(json).data?.error_type;
}

/** True for the answer to a write whose token is wrong, revoked or expired (it counts as no token), or has no session. */
export function isCsrfRefusal({ status, message }: QuayResponse): boolean {
    return status === 403 && message !== undefined && message.startsWith("CSRF token was invalid or missing");
}

/** True for 400 "… already exists": Quay has no 409 for what it administers. */
export function isDuplicate({ status, message = "" }: QuayResponse): boolean {
    return (
        status === 400 &&
        /already exists|^Existing robot with name|is already a member of|already been used/i.test(message)
    );
}

/** True for the one 400 that means "there is no such robot account"; the organization may be missing as well (403). */
export function isUnknownRobot({ status, message = "" }: QuayResponse): boolean {
    return status === 400 && message.startsWith("Could not find robot");
}

const TOKEN_CURE =
    "set registryToken to a token of the organization's owner that is still valid, or use registryUsername and registryPassword";

interface Verdict {
    readonly code: string;
    readonly fix?: string;
}

/** What an answer that is not success means, and what can be done. */
function verdict(response: QuayResponse): Verdict {
    const type = typeIn(response.json);
    if (isCsrfRefusal(response)) return { code: "UNAUTHORIZED", fix: TOKEN_CURE };
    if (type === "fresh_login_required")
        return { code: "UNAUTHORIZED", fix: "run again: the sign-in was too long ago" };
    if (response.status === 401) return { code: "UNAUTHORIZED", fix: TOKEN_CURE };
    if (response.status === 403) {
        const fix =
            "let the account own the organization; a token needs the scopes org:admin and repo:admin, and user:admin to create the organization";
        return { code: "DENIED", fix };
    }
    if (response.status === 404) return { code: "NOT_FOUND" };
    if (response.status === 400) return { code: "INVALID_REQUEST" };
    if (response.status === 429)
        return { code: "TOOMANYREQUESTS", fix: "wait a little: Quay slows repeated requests down" };
    if (response.status >= 300 && response.status < 400) {
        const fix = "check SERVER_HOSTNAME of Quay and what stands in front of it";
        return { code: "UNEXPECTED_ANSWER", fix };
    }
    return { code: "UNEXPECTED_ANSWER", fix: "look at Quay's own log, then run again" };
}

/** A message of Quay is a sentence; what is longer is a schema or a page. */
const MAX_MESSAGE = 200;

/** The error for an answer that is not what was asked for. Quotes the sentence of an error body, nothing else of it. */
export function refusal(response: QuayResponse): RegistryError {
    const readOnly = errorBody.safeParse(response.json).data?.is_readonly === true;
    const { code, fix } = readOnly
        ? { code: "READ_ONLY", fix: "set REGISTRY_STATE of Quay back to normal, then run again" }
        : verdict(response);
    const retryAfter = retryAfterSeconds(response.headers["retry-after"], clockOf(response));
    const said = response.status < 400 ? undefined : isCsrfRefusal(response) ? INVALID_TOKEN : sentence(response);
    return new RegistryError(
        response.operation,
        `${code} (${response.status})${said === undefined ? "" : `: ${said}`}`,
        {
            code,
            status: response.status,
            ...(fix === undefined ? {} : { fix }),
            ...(retryAfter === undefined ? {} : { retryAfter }),
        },
    );
}

/** Quay itself speaks of CSRF here. */
const INVALID_TOKEN = "the token is wrong, revoked or expired";

function sentence({ message }: QuayResponse): string | undefined {
    return message?.split("\n")[0]?.slice(0, MAX_MESSAGE);
}
