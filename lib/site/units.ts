import { z } from "zod";
import { FROM_ENVIRONMENT } from "../distribution/http/proxy-settings";

/** The longest lifetime of a robot account that can be configured: ten years. */
const MAX_DAYS = 3650;
const UNITS: Readonly<Record<string, number>> = {
    MB: 1e6,
    GB: 1e9,
    TB: 1e12,
    MiB: 2 ** 20,
    GiB: 2 ** 30,
    TiB: 2 ** 40,
};

/** A schema for days written as `30d`, at least `least` of them; parsed to a number. */
export function days(least: number) {
    const problem = (text: unknown) =>
        `${JSON.stringify(text)} must be a number of days from ${least}d to ${MAX_DAYS}d`;
    return z
        .string()
        .regex(/^\d+d$/, { error: ({ input }) => problem(input) })
        .transform((text, context) => {
            const count = Number(text.slice(0, -1));
            if (count < least || count > MAX_DAYS) context.addIssue({ code: "custom", message: problem(text) });
            return count;
        })
        .meta({ typeText: `number of days with a d, from ${least}d to ${MAX_DAYS}d` });
}

/** A schema for sizes written as `500GB` (decimal) or `500GiB` (binary); parsed to bytes. */
export function size() {
    const problem = (text: unknown) => `${JSON.stringify(text)} must be a size with its unit, above 0`;
    return z
        .string()
        .regex(/^\d+(\.\d+)? ?[MGT]i?B$/, { error: ({ input }) => problem(input) })
        .transform((text, context) => {
            const [, number = "", unit = ""] = /^([\d.]+) ?(\w+)$/.exec(text) ?? [];
            const bytes = Math.round(Number(number) * (UNITS[unit] ?? 0));
            if (bytes <= 0 || !Number.isSafeInteger(bytes))
                context.addIssue({ code: "custom", message: problem(text) });
            return bytes;
        })
        .meta({ typeText: `size with its unit, one of ${Object.keys(UNITS).join(", ")}` });
}

/** A schema for the URL of an HTTP proxy, or `environment`. No problem quotes the text: it may have a password. */
export function proxyUrl() {
    return z.string().superRefine((text, context) => {
        const problem = proxyProblem(text);
        if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
    });
}

function proxyProblem(text: string): string | undefined {
    if (text === FROM_ENVIRONMENT) return undefined;
    const url = /^https?:\/\/[^/]/i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined) return "it is not the URL of an HTTP proxy";
    if (url.username !== "" || url.password !== "") return "it must not hold an account: this file is not encrypted";
    return url.pathname === "/" && url.search === "" && url.hash === "" ? undefined : "it must end after host and port";
}
