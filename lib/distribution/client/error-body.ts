import { z } from "zod";
import { firstWords, parseJson } from "../../errors/text";

/** What an error response says of itself. */
export interface ErrorBody {
    /** The registry's own code, if it has the form of one. */
    readonly code?: string;
    /** The registry's reason: one line, bounded, without control characters. */
    readonly reason?: string;
}

const text = z.string().optional().catch(undefined);
const specError = z.object({ code: text, message: text, detail: z.unknown().optional() });
/** distribution-spec, "Error Codes"; Artifactory leaves the code out. */
const specBody = z.object({ errors: z.array(specError).min(1) });
/** Quay's API: `detail`/`error_message`, `message` (its data model), `error` (an abort, sent as text/html). */
const quayBody = z.object({ detail: text, error_message: text, message: text, error: text });
/** Quay hides the reason of MANIFEST_INVALID in `message`; others have a `reason` or an `error` there. */
const detailBody = z.object({ message: text, reason: text, error: text });

/** Reads the body of an error response, of whichever registry. @returns nothing for what is no error body */
export function readErrorBody(body: string): ErrorBody {
    const json = parseJson(body);
    const first = specBody.safeParse(json).data?.errors[0];
    if (first !== undefined) {
        const { code, message = "", detail } = first;
        const hidden = detailText(detail);
        const all = message.includes(hidden) ? [message] : [message, hidden];
        return { ...ownCode(code), ...reason(all.filter((part) => part !== "").join(": ")) };
    }
    const quay = quayBody.safeParse(json).data;
    return reason(quay?.detail ?? quay?.error_message ?? quay?.message ?? quay?.error ?? "");
}

const MAX_DETAILS = 6;

/** What `detail` has to say, whose form is the registry's own: a text, an object with one, or names and values. */
function detailText(detail: unknown): string {
    if (typeof detail === "string") return detail;
    const known = detailBody.safeParse(detail).data;
    return known?.message ?? known?.reason ?? known?.error ?? namedValues(detail).slice(0, MAX_DETAILS).join(", ");
}

/** The texts and numbers of an object, or of those in a list: "Name mirror/app", "Action pull". */
function namedValues(detail: unknown): string[] {
    if (Array.isArray(detail)) return detail.slice(0, MAX_DETAILS).flatMap((one) => detailTexts(one));
    if (typeof detail !== "object" || detail === null) return [];
    return Object.entries(detail).flatMap(([name, value]) => {
        const isShown = (typeof value === "string" && value !== "") || typeof value === "number";
        return isShown ? [`${name} ${value}`] : [];
    });
}

function detailTexts(one: unknown): string[] {
    return typeof one === "string" ? [one] : namedValues(one);
}

const CODE = /^[\w.-]{1,64}$/;

function ownCode(code: string | undefined): { code?: string } {
    return code !== undefined && CODE.test(code) ? { code } : {};
}

function reason(message: string): { reason?: string } {
    const shown = readable(message);
    return shown === "" ? {} : { reason: shown };
}

const MAX_LENGTH = 500;

/**
 * Untrusted text as one line: nothing that a terminal obeys, and no Authorization header of this program that it
 * repeats.
 */
export function readable(message: string): string {
    const line = message
        .replace(/[\s\p{Cc}\p{Cf}]+/gu, " ")
        .replace(/\b(bearer|basic) [\w.~+/=-]{8,}/gi, "$1 [secret]")
        .replace(/\beyJ[\w-]+\.[\w.-]+/g, "[secret]")
        .trim()
        // Harbor doubles some messages.
        .replace(/^(.+): \1$/, "$1")
        .replace(/(?<!\.)\.$/, "");
    return firstWords(line, MAX_LENGTH);
}
