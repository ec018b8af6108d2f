import { z } from "zod";
import { statusCode } from "../../errors/codes";
import { RegistryError } from "../../errors/errors";
import { parseJson } from "../../errors/text";
import { readErrorBody } from "../../distribution/client/error-body";
import { retryAfterSeconds, serverTime, statusProblem } from "../../distribution/client/response-errors";
import type { AdminResponse } from "../admin-client";

/** A response of Quay's API, with the error in its body. */
export interface QuayResponse extends AdminResponse {
    /** The registry's reason; undefined for a body without one: proxies and Quay itself send HTML for many errors. */
    readonly reason: string | undefined;
    /** `fresh_login_required`, … */
    readonly type: string | undefined;
    readonly isReadOnly: boolean;
}

const errorBody = z.object({
    error_type: z.string().optional().catch(undefined),
    is_readonly: z.boolean().optional().catch(undefined),
});

export function readResponse(response: AdminResponse): QuayResponse {
    const json = parseJson(response.text);
    const { error_type, is_readonly } = errorBody.safeParse(json).data ?? {};
    const reason = readErrorBody(response.text).reason ?? unhealthyServices(json);
    return { ...response, reason, type: error_type, isReadOnly: is_readonly === true };
}

/** `/health/instance` responds 503 with the state of each service. */
const health = z.object({ data: z.object({ services: z.record(z.string(), z.boolean()) }) });

function unhealthyServices(json: unknown): string | undefined {
    const { data } = health.safeParse(json).data ?? {};
    const names = Object.entries(data?.services ?? {}).filter(([, isHealthy]) => !isHealthy);
    return names.length === 0 ? undefined : `not healthy: ${names.map(([name]) => name).join(", ")}`;
}

/** True for the response to a write whose token is wrong, revoked or expired (it counts as no token), or has no session. */
export function isCsrfRejection({ status, reason }: QuayResponse): boolean {
    return status === 403 && reason !== undefined && reason.startsWith("CSRF token was invalid or missing");
}

/** True for 400 "… already exists": Quay has no 409 for what it administers. */
export function isDuplicate({ status, reason = "" }: QuayResponse): boolean {
    return (
        status === 400 &&
        /already exists|^Existing robot with name|is already a member of|already been used/i.test(reason)
    );
}

/**
 * True for Quay's own 404 (shape `{"error_type":"not_found",…}`), the only one that proves that something does not exist:
 * the 404 of a gateway may be JSON with a `message` as well.
 */
export function isNotFound({ status, type }: QuayResponse): boolean {
    return status === 404 && type === "not_found";
}

/** True for the 404 of a user: Quay responds with the message of its web framework, without a type. */
export function isUnknownUser(response: QuayResponse): boolean {
    const { status, reason = "" } = response;
    return (
        isNotFound(response) || (status === 404 && reason.startsWith("The requested URL was not found on the server"))
    );
}

/** True for the one 400 that means "there is no such robot account"; the organization may be missing as well (403). */
export function isUnknownRobot({ status, reason = "" }: QuayResponse): boolean {
    return status === 400 && reason.startsWith("Could not find robot");
}

const TOKEN_FIX =
    "set registryToken to a token of the organization's owner that is still valid, or use registryUsername and registryPassword";

const FIXES: Readonly<Record<number, string>> = {
    401: TOKEN_FIX,
    403: "let the account own the organization; a token needs the scopes org:admin and repo:admin, and user:admin to create the organization",
    429: "wait a little: Quay slows repeated requests down",
};

function responseFix({ status, type }: QuayResponse): string | undefined {
    if (type === "fresh_login_required") return "run again: the sign-in was too long ago";
    if (status >= 300 && status < 400) return "check SERVER_HOSTNAME of Quay and what stands in front of it";
    if (status >= 500) return "look at Quay's own log, then run again";
    return FIXES[status];
}

/** The error for a response that is not what was asked for. Quotes the reason in an error body, nothing else of it. */
export function quayError(response: QuayResponse): RegistryError {
    const { context, status } = response;
    const retryAfter = retryAfterSeconds(response.headers["retry-after"], serverTime(response));
    const facts = { ...context, status, retryAfter };
    if (response.isReadOnly) {
        return new RegistryError("the registry is read-only", {
            ...facts,
            code: "REGISTRY_READ_ONLY",
            fix: "set REGISTRY_STATE of Quay back to normal, then run again",
        });
    }
    // Quay itself speaks of CSRF here.
    if (isCsrfRejection(response)) {
        const problem = `${statusProblem(401, undefined, context)}: the token is wrong, revoked or expired`;
        return new RegistryError(problem, { ...facts, code: "UNAUTHORIZED", fix: TOKEN_FIX });
    }
    const reason = status < 400 ? undefined : response.reason;
    return new RegistryError(statusProblem(status, reason, context), {
        ...facts,
        code: statusCode(status),
        fix: responseFix(response),
    });
}
