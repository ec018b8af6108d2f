import type { z } from "zod";
import type { ConfigIssue } from "./config-issue";
import { excludePatternIssues } from "./exclude-issues";
import { nearestName, unknownKeyFix } from "./key-hints";
import { ANY_NAME, type ConfigKey, siteKeys } from "./key-documentation";
import { type ContentDocument, type SiteDocument, siteSchema } from "./schema";
import { valueProblem } from "./value-problem";

/** The document that a site is read from: objects are merged deeply, lists and plain values of the site win. */
export function mergeDocuments(defaults: unknown, site: unknown): unknown {
    if (!isObject(defaults) || !isObject(site)) return site ?? defaults;
    const keys = new Set([...Object.keys(defaults), ...Object.keys(site)]);
    return Object.fromEntries([...keys].map((key) => [key, mergeDocuments(defaults[key], site[key])]));
}

/**
 * Reads a site's document; all issues at once.
 * @returns beside issues, the site without the invalid keys, if the rest is one: what is wrong with the other keys can
 * then be reported in the same run
 */
export function parseSiteDocument(document: unknown): { site?: SiteDocument; issues: ConfigIssue[] } {
    const parsed = siteSchema.safeParse(document, WITH_INPUT);
    if (parsed.success) return { site: parsed.data, issues: [] };
    const issues = configIssues(parsed.error);
    const rest = siteSchema.safeParse(withoutInvalidKeys(document, parsed.error.issues));
    return rest.success ? { site: rest.data, issues } : { issues };
}

/** Reads only the image sets of a site's document, whatever the rest of it is. */
export function parseContent(document: unknown): { content: readonly ContentDocument[]; issues: ConfigIssue[] } {
    const { content } = isObject(document) ? document : {};
    const parsed = siteSchema.shape.content.safeParse(content, WITH_INPUT);
    return parsed.success
        ? { content: parsed.data, issues: excludePatternIssues(parsed.data) }
        : { content: [], issues: configIssues(parsed.error, ["content"]) };
}

/** Upstreams are left as they are: the default in place of an invalid list would cause issues of its own. */
function withoutInvalidKeys(document: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
    const rest: unknown = structuredClone(document);
    for (const issue of issues) {
        const isUnknown = issue.code === "unrecognized_keys";
        const place = isUnknown ? issue.path : issue.path.slice(0, -1);
        const names = isUnknown ? issue.keys : issue.path.slice(-1).map(String);
        const holder = place.reduce<unknown>(
            (at, part) => (typeof at === "object" && at !== null ? Reflect.get(at, part) : undefined),
            rest,
        );
        if (!isObject(holder) || names.includes("upstreams")) continue;
        for (const name of names) Reflect.deleteProperty(holder, name);
    }
    return rest;
}

/** Issues have the values that they are about. */
const WITH_INPUT = { reportInput: true } as const;

function configIssues(error: z.ZodError, above: readonly PropertyKey[] = []): ConfigIssue[] {
    const keys = siteKeys();
    return error.issues.flatMap((issue) => configIssue(issue, [...above, ...issue.path], keys));
}

function configIssue(issue: z.core.$ZodIssue, path: readonly PropertyKey[], keys: readonly ConfigKey[]): ConfigIssue[] {
    const key = formatKeyPath(path);
    if (issue.code === "unrecognized_keys") {
        const [siblings, section] = [namesBelow(keys, path), keyName(path)];
        const fix = (name: string) => unknownKeyFix(name, siblings, section);
        return issue.keys.map((name) => ({ key: `${key}.${name}`, problem: "there is no such key", fix: fix(name) }));
    }
    if (issue.code === "invalid_key") {
        const problem = issue.issues[0]?.message ?? issue.message;
        return [{ key, problem, fix: findFix(keys, path.slice(0, -1)) }];
    }
    // Of a value that is a list or an object, what is wrong with its entries.
    const branches = issue.code === "invalid_union" ? issue.errors : [];
    const entries = branches.find(
        ([first]) => first !== undefined && (first.path.length > 0 || first.code === "unrecognized_keys"),
    );
    if (entries !== undefined) return entries.flatMap((entry) => configIssue(entry, [...path, ...entry.path], keys));
    const known = keys.find(({ key: name }) => name === keyName(path));
    return [{ key, problem: valueProblem(issue, known), fix: valueFix(issue) ?? findFix(keys, path) }];
}

/** The value that was meant, where only some are possible. */
function valueFix(issue: z.core.$ZodIssue): string | undefined {
    if (issue.code !== "invalid_value" || typeof issue.input !== "string") return undefined;
    const meant = nearestName(issue.input, issue.values.map(String));
    return meant && `write ${meant}`;
}

/** An entry of a list has no fix of its own. */
function findFix(keys: readonly ConfigKey[], path: readonly PropertyKey[]): string {
    const name = keyName(path);
    const fix = keys.find(({ key }) => key === name)?.fix;
    return fix ?? (path.length === 0 ? "see docs/configuration.md" : findFix(keys, path.slice(0, -1)));
}

/** `site.content[0].lock` */
function formatKeyPath(path: readonly PropertyKey[]): string {
    return path.reduce<string>(
        (key, part) => (typeof part === "number" ? `${key}[${part}]` : `${key}.${String(part)}`),
        "site",
    );
}

/** Sections whose keys are names that people choose. */
const NAMED_SECTIONS: readonly PropertyKey[] = ["clusters", "signatures"];

/** As `ConfigKey.key`: `content[].lock`, `clusters.<name>.version`. */
function keyName(path: readonly PropertyKey[]): string {
    const [section, ...rest] = path;
    const known =
        section !== undefined && NAMED_SECTIONS.includes(section) && rest.length > 0
            ? [section, ANY_NAME, ...rest.slice(1)]
            : path;
    return formatKeyPath(known)
        .replace(/\[\d+\]/g, "[]")
        .replace(/^site\.?/, "");
}

function namesBelow(keys: readonly ConfigKey[], path: readonly PropertyKey[]): string[] {
    const section = keyName(path);
    const prefix = section === "" ? "" : `${section}.`;
    return keys
        .filter(({ key }) => key !== "" && key.startsWith(prefix) && !/[.[]/.test(key.slice(prefix.length)))
        .map(({ key }) => key.slice(prefix.length));
}

function isObject(value: unknown): value is Record<string, unknown> {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}
