import { z } from "zod";
import { overrideSchema } from "../mirror/override";
import { OFFERED_KINDS } from "../registries";
import { readDays, readSize } from "./units";

const content = z.strictObject({
    /** The set: a file, a folder, or several of them; from the project's root or absolute. */
    archive: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
    /** The lock file that was made of it and is committed. */
    lock: z.string().min(1),
    overrides: z.array(overrideSchema).optional(),
});

/** `30d`, as days. */
function maxAge(days: number) {
    return z.string().transform(readDays(1)).prefault(`${days}d`);
}

/** A site as people write it: `registry-passthrough:site`, merged over `registry-passthrough:defaults`. */
export const siteSchema = z.strictObject({
    registry: z.strictObject({
        type: z.enum(OFFERED_KINDS),
        /** `host[:port]/path`; images land at `<mirrorBase>/<upstream-host>/<path>`. */
        mirrorBase: z.string().min(1),
        /** PEM file of the issuing CA; absent: a public one. */
        ca: z.string().min(1).optional(),
        /** HTTP without TLS, on loopback only. */
        plainHttp: z.boolean().optional(),
        /** May a project or organization that is there already be taken over? */
        adopt: z.boolean().optional(),
        /** Storage of the project or organization: `500GB`, `2TiB`. */
        quota: z.string().transform(readSize).optional(),
    }),
    /** Upstream hosts that content may come from. */
    upstreams: z.array(z.string().min(1)).optional(),
    /** Image sets in the order they were made: where two have one tag, the later one has it. */
    content: z.array(content).default([]),
    cluster: z
        .strictObject({
            /** `4.18.20` or `4.18`; absent: the newest. */
            version: z.string().optional(),
            /** May nodes ask the upstream for what the mirror lacks? */
            contactSource: z.enum(["allow", "never"]).default("allow"),
        })
        .default({ contactSource: "allow" }),
    transfer: z
        .strictObject({
            /** Blobs in flight. */
            concurrency: z.number().int().min(1).max(64).default(6),
            /** Requests in flight to the registry, uploads among them; absent: 24, or more for more blobs. */
            requests: z.number().int().min(1).max(256).optional(),
            /** How long one request may keep failing before it gives up. */
            retrySeconds: z.number().min(0).max(3600).default(60),
        })
        .default({ concurrency: 6, retrySeconds: 60 }),
    /** What becomes of images in the registry that are not wanted any more, also when the stack is destroyed. */
    onRemove: z.enum(["keep", "delete"]).default("keep"),
    validation: z
        .strictObject({
            /** How many images are read byte for byte at each validation. */
            wholeImages: z.number().int().min(0).default(3),
        })
        .default({ wholeImages: 3 }),
    /** Robot accounts, where the registry has some; each is replaced when two thirds of its `maxAge` are over. */
    robots: z
        .strictObject({
            importer: z.strictObject({ maxAge: maxAge(30) }).prefault({}),
            puller: z
                .strictObject({
                    maxAge: maxAge(90),
                    /** How long an account that was replaced stays valid; absent: 7 days, or a third of `maxAge` if less. */
                    overlap: z.string().transform(readDays(0)).optional(),
                })
                .prefault({}),
        })
        .optional(),
});

export type SiteDocument = z.infer<typeof siteSchema>;
export type ContentDocument = SiteDocument["content"][number];

/** Something in the configuration that stops the run: the key, what is wrong with it, and the cure. */
export interface ConfigIssue {
    /** `site.content[0].lock` */
    readonly key: string;
    readonly problem: string;
    readonly fix: string;
}

/** The document that a site is read from: objects are merged deeply, arrays and plain values of the site win. */
export function mergeDocuments(defaults: unknown, site: unknown): unknown {
    if (!isObject(defaults) || !isObject(site)) return site ?? defaults;
    const keys = new Set([...Object.keys(defaults), ...Object.keys(site)]);
    return Object.fromEntries([...keys].map((key) => [key, mergeDocuments(defaults[key], site[key])]));
}

/**
 * Reads a site's document; every fault at once.
 * @returns beside issues, the site as it is without the faulty keys, if that makes one: the faults of the other keys
 * can be told in the same run then
 */
export function parseSiteDocument(document: unknown): { site?: SiteDocument; issues: ConfigIssue[] } {
    const parsed = siteSchema.safeParse(document);
    if (parsed.success) return { site: parsed.data, issues: [] };
    const issues = parsed.error.issues.flatMap(configIssues);
    const rest = siteSchema.safeParse(withoutFaults(document, parsed.error.issues));
    return rest.success ? { site: rest.data, issues } : { issues };
}

/** Upstreams are left as they are: their default in place of a faulty list would make faults of its own. */
function withoutFaults(document: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
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

function configIssues(issue: z.core.$ZodIssue): ConfigIssue[] {
    const key = keyOf(issue.path);
    if (issue.code === "unrecognized_keys") {
        const allowed = keysAt(siteSchema, issue.path);
        return issue.keys.map((name) => ({
            key: `${key}.${name}`,
            problem: "there is no such key",
            fix: `use one of: ${allowed.join(", ")}`,
        }));
    }
    const isMissing = issue.code === "invalid_type" && issue.message.endsWith("received undefined");
    return [
        { key, problem: isMissing ? "it is missing" : issue.message, fix: FIXES[key] ?? "see docs/configuration.md" },
    ];
}

/** For the mistakes that are made most; `4.20` without quotes is the number 4.2 to YAML. */
const FIXES: Readonly<Record<string, string>> = {
    site: "write registry-passthrough:site, as in docs/configuration.md",
    "site.registry": "write registry: {type: distribution, mirrorBase: …}",
    "site.registry.type": `write one of: ${OFFERED_KINDS.join(", ")}`,
    "site.registry.adopt": "write true or false",
    "site.registry.quota": "write a size in quotes, as in 500GB or 2TiB",
    "site.robots.importer.maxAge": "write a number of days, as in 30d",
    "site.robots.puller.maxAge": "write a number of days, as in 90d",
    "site.robots.puller.overlap": "write a number of days, as in 7d",
    "site.registry.mirrorBase": "write host[:port]/path, as in registry.site-a.example:8443/mirror",
    "site.cluster.version": 'write it in quotes, as in "4.20"',
    "site.cluster.contactSource": "write allow or never",
    "site.onRemove": "write keep or delete",
};

/** `site.content[0].lock` */
export function keyOf(path: readonly PropertyKey[]): string {
    return path.reduce<string>(
        (key, part) => (typeof part === "number" ? `${key}[${part}]` : `${key}.${String(part)}`),
        "site",
    );
}

function keysAt(schema: unknown, path: readonly PropertyKey[]): string[] {
    let at: unknown = schema;
    for (const part of path) {
        const inner = unwrap(at);
        at =
            inner instanceof z.ZodArray
                ? inner.element
                : inner instanceof z.ZodObject
                  ? inner.shape[String(part)]
                  : inner;
    }
    const found = unwrap(at);
    return found instanceof z.ZodObject ? Object.keys(found.shape) : [];
}

function unwrap(schema: unknown): unknown {
    if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
        return unwrap(schema.unwrap());
    }
    return schema;
}

function isObject(value: unknown): value is Record<string, unknown> {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}
