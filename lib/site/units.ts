import type { z } from "zod";

/** A robot account's longest life that makes sense to write down: ten years. */
const MAX_DAYS = 3650;
const UNITS: Readonly<Record<string, number>> = {
    MB: 1e6,
    GB: 1e9,
    TB: 1e12,
    MiB: 2 ** 20,
    GiB: 2 ** 30,
    TiB: 2 ** 40,
};

/** Reads `30d` as days, at least `least` of them, for a schema. */
export function readDays(least: number): (text: string, context: z.RefinementCtx<string>) => number {
    return (text, context) => {
        const days = Number(/^(\d+)d$/.exec(text)?.[1]);
        if (days >= least && days <= MAX_DAYS) return days;
        context.addIssue({
            code: "custom",
            message: `${JSON.stringify(text)} must be a number of days from ${least}d to ${MAX_DAYS}d`,
        });
        return least;
    };
}

/** Reads `500GB` (decimal) or `500GiB` (binary) as bytes, for a schema. */
export function readSize(text: string, context: z.RefinementCtx<string>): number {
    const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?) ?([MGT]i?B)$/.exec(text) ?? [];
    const bytes = Math.round(Number(number) * (UNITS[unit] ?? 0));
    if (bytes > 0 && Number.isSafeInteger(bytes)) return bytes;
    context.addIssue({ code: "custom", message: `${JSON.stringify(text)} is no size` });
    return 1;
}
