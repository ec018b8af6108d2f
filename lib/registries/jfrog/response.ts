import { z } from "zod";
import { RegistryError } from "../../errors/errors";
import { parseJson } from "../../errors/text";
import { readErrorBody } from "../../distribution/client/error-body";
import { type AdminResponse, isOutcomeUnknown } from "../admin-client";

/** Artifactory's errors have a status, those of its Access service a code; both have a message. */
const errorBody = z.object({
    errors: z.array(z.object({ code: z.string().nullish(), status: z.number().nullish(), message: z.string() })).min(1),
});

/** True for an error of Artifactory or Access itself, and not of what stands in front of them. */
export function isJFrogError({ text }: Pick<AdminResponse, "text">): boolean {
    const error = errorBody.safeParse(parseJson(text)).data?.errors[0];
    return typeof error?.code === "string" || typeof error?.status === "number";
}

/** True for a 404 with which Artifactory or Access report that what was asked for does not exist. */
export function isAbsence({ status, text }: Pick<AdminResponse, "status" | "text">): boolean {
    const error = status === 404 ? errorBody.safeParse(parseJson(text)).data?.errors[0] : undefined;
    if (error === undefined) return false;
    // Artifactory repeats the status. Which codes Access has is not documented.
    return error.status === 404 || /not_?found/i.test(error.code ?? "") || saysAbsent(error.message);
}

function saysAbsent(message: string): boolean {
    return /not found|does not exist|could not (?:be )?f(?:i|ou)nd/i.test(message);
}

/** Artifactory without a Pro license, and the free editions, respond 400 with this to what they do not have. */
const NEEDS_PRO = /available only (?:in|on|with) Artifactory (?:Pro|Enterprise)/i;

export function needsPro({ status, text }: Pick<AdminResponse, "status" | "text">): boolean {
    return status >= 400 && NEEDS_PRO.test(readErrorBody(text).reason ?? text.slice(0, 2000));
}

/** The error for what this edition of Artifactory does not have. */
export function proError({ context, status }: AdminResponse, fix: string = PRO_FIX): RegistryError {
    return new RegistryError(
        "this Artifactory does not offer it: it needs Artifactory Pro or higher with a valid license",
        {
            ...context,
            code: "REGISTRY_FEATURE_DISABLED",
            status,
            fix,
        },
    );
}

const PRO_FIX =
    "activate a license of Artifactory Pro or higher, or use the Docker registry as site.registry.type: distribution with " +
    "accounts that you create (docs/registries.md#jfrog-artifactory)";

export function isProError(error: unknown): error is RegistryError {
    return error instanceof RegistryError && error.code === "REGISTRY_FEATURE_DISABLED";
}

/** Two changes of Artifactory's configuration at the same time: the one that was rejected can be sent again. */
export function isMergeConflict({ status, text }: Pick<AdminResponse, "status" | "text">): boolean {
    return status >= 400 && text.includes("Could not merge and save new descriptor");
}

/**
 * Creates something. Whether it was created is seen by looking where the response was lost, or where something of its name
 * may exist: which status that has is not documented (409, or 400 as for repositories).
 * @throws what `create` throws, if nothing is found
 */
export async function createOrFind<T>(create: () => Promise<T>, find: () => Promise<T | undefined>): Promise<T> {
    try {
        return await create();
    } catch (error) {
        if (isProError(error)) throw error;
        const isRejected = error instanceof RegistryError && (error.status === 400 || error.status === 409);
        const found = isRejected || isOutcomeUnknown(error) ? await find() : undefined;
        if (found === undefined) throw error;
        return found;
    }
}
