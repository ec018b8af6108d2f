import type { z } from "zod";
import type { ConfigKey } from "./key-documentation";
import { quoted } from "../errors/text";

/** Longer texts are not quoted, and none in place of a group: somebody may have pasted a key, or a URL with an account. */
const MAX_QUOTED = 40;

const GROUP = "a group of keys";

/**
 * What is wrong with a value, in words of the configuration: what it is, and what it must be.
 * @param issue with the value (zod's `reportInput`)
 * @param known its key; absent: it is an entry of a list
 */
export function valueProblem(issue: z.core.$ZodIssue, known: ConfigKey | undefined): string {
    const { code, input } = issue;
    if (code === "custom" || code === "invalid_format") return issue.message;
    if (input === undefined) return "it is missing";
    if (input === null || input === "") return "it is empty";
    if (Array.isArray(input) && code === "too_small") return "the list is empty";
    const wanted = wantedText(issue, known);
    if (wanted === undefined) return issue.message;
    const given = wanted === GROUP && typeof input === "string" ? "a text" : givenText(input);
    return `it is ${given}, and must be ${wanted}`;
}

function givenText(value: unknown): string {
    if (Array.isArray(value)) return "a list";
    if (typeof value === "number") return `a number (${value})`;
    if (typeof value === "boolean") return `a boolean (${value})`;
    if (typeof value !== "string") return GROUP;
    return value.length > MAX_QUOTED || value.includes("\n") ? "a text" : `the text ${quoted(value)}`;
}

function wantedText(issue: z.core.$ZodIssue, known: ConfigKey | undefined): string | undefined {
    if (issue.code === "invalid_value") return `one of ${issue.values.map(String).join(", ")}`;
    if (known?.isGroup === true) return GROUP;
    if (known?.typeText !== undefined) return withArticle(known.typeText);
    return issue.code === "invalid_type" ? ENTRIES[issue.expected] : undefined;
}

const ENTRIES: Readonly<Record<string, string>> = {
    string: "a text",
    object: GROUP,
    record: GROUP,
};

/** The types of keys are written without one: `whole number from 1 to 64`; those that begin with code or are many have none. */
function withArticle(type: string): string {
    return /^(`|names|labels)/.test(type) ? type.replaceAll("`", "") : `a ${type}`;
}
