import { X509Certificate } from "node:crypto";
import type { OnRemove } from "../mirror/on-remove";
import { mirrorKinds } from "../openshift";
import type { Digest } from "../oci/digest";
import { errorMessage } from "../errors/errors";
import { type MirrorBase, mirrorConflicts, mirrorReference, parseMirrorBase } from "../mirror/mirror-reference";
import { canonicalRegistry, parseSourceKey, repositoryName } from "../oci/reference";
import { isLoopback } from "../distribution/http/transport";
import type { RegistryKind } from "../registries";
import { DEFAULT_UPSTREAM_HOSTS, classifyUpstream } from "../mirror/upstreams";
import { type Content, type FileReader, allMarks, localRepositories, readContent } from "./content";
import { kindIssues, longestOverlap } from "./kind-issues";
import { type ConfigIssue, type SiteDocument, mergeDocuments, parseSiteDocument } from "./schema";

/** A site, read and checked: everything the graph is laid out by. Holds no secret. */
export interface Site {
    readonly registry: {
        readonly type: RegistryKind;
        readonly mirrorBase: string;
        /** PEM. */
        readonly ca?: string;
        readonly plainHttp?: boolean;
        readonly retrySeconds: number;
        /** Requests in flight; absent: by the number of blobs in flight. */
        readonly requests?: number;
    };
    /** Canonical hosts that content may come from. */
    readonly upstreams: readonly string[];
    readonly content: readonly Content[];
    readonly cluster: { readonly version?: string; readonly contactSource: "allow" | "never" };
    readonly concurrency: number;
    readonly wholeImages: number;
    /** May a namespace that is there already be taken over? */
    readonly adopt: boolean;
    /** Bytes for the namespace. */
    readonly quota?: number;
    /** Days. */
    readonly robots: {
        readonly importer: { readonly maxAge: number };
        readonly puller: {
            readonly maxAge: number;
            /** For which a puller that was replaced stays valid. */
            readonly overlap: number;
        };
    };
    /** What becomes of what this stack brought when it is not wanted any more. */
    readonly onRemove: OnRemove;
}

/** What reading a site needs of the world outside. */
export interface SiteContext extends FileReader {
    readonly now: Date;
}

/**
 * Reads a site from what people wrote: defaults merged under it, every fault found at once, by key, without touching
 * the network, an archive or a cluster.
 * @returns the site only if there is no issue
 */
export function readSite(
    document: unknown,
    defaults: unknown,
    context: SiteContext,
): { site?: Site; issues: ConfigIssue[] } {
    const { site: parsed, issues } = parseSiteDocument(mergeDocuments(defaults, document) ?? {});
    if (parsed === undefined) return { issues };
    const { content, issues: contentIssues } = readContent(parsed.content, context);
    const base = readBase(parsed, issues);
    const ca = readCa(parsed, context, issues);
    const upstreams = readUpstreams(parsed, issues);
    issues.push(
        ...contentIssues,
        ...versionIssues(parsed),
        ...plainHttpIssues(parsed, base),
        ...kindIssues(parsed, base),
    );
    issues.push(...imageIssues(content, base, upstreams), ...tagOnlyIssues(content, parsed));
    if (issues.length > 0) return { issues };
    return { site: siteOf(parsed, ca, upstreams, content), issues: [] };
}

function siteOf(parsed: SiteDocument, ca: string | undefined, upstreams: string[], content: Content[]): Site {
    const { registry, cluster, transfer, validation } = parsed;
    return {
        registry: {
            type: registry.type,
            mirrorBase: registry.mirrorBase,
            ...(ca === undefined ? {} : { ca }),
            ...(registry.plainHttp === undefined ? {} : { plainHttp: registry.plainHttp }),
            retrySeconds: transfer.retrySeconds,
            ...(transfer.requests === undefined ? {} : { requests: transfer.requests }),
        },
        upstreams,
        content,
        cluster: {
            contactSource: cluster.contactSource,
            ...(cluster.version === undefined ? {} : { version: cluster.version }),
        },
        concurrency: transfer.concurrency,
        wholeImages: validation.wholeImages,
        adopt: registry.adopt ?? false,
        ...(registry.quota === undefined ? {} : { quota: registry.quota }),
        robots: robotsOf(parsed.robots ?? DEFAULT_ROBOTS),
        onRemove: parsed.onRemove,
    };
}

const DEFAULT_ROBOTS = { importer: { maxAge: 30 }, puller: { maxAge: 90 } };
/** Days. */
const DEFAULT_OVERLAP = 7;

function robotsOf({ importer, puller }: NonNullable<SiteDocument["robots"]>): Site["robots"] {
    const { maxAge, overlap = Math.min(DEFAULT_OVERLAP, longestOverlap(maxAge)) } = puller;
    return { importer, puller: { maxAge, overlap } };
}

function readBase(parsed: SiteDocument, issues: ConfigIssue[]): MirrorBase | undefined {
    return attempt("site.registry.mirrorBase", issues, "see docs/configuration.md", () =>
        parseMirrorBase(parsed.registry.mirrorBase),
    );
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

function readCa(parsed: SiteDocument, { read, now }: SiteContext, issues: ConfigIssue[]): string | undefined {
    const path = parsed.registry.ca;
    if (path === undefined) return undefined;
    const key = "site.registry.ca";
    const fix = "give the PEM file of the CA that issued the registry's certificate";
    const text = attempt(key, issues, fix, () => read(path));
    if (text === undefined) return undefined;
    const blocks = text.match(CERTIFICATE) ?? [];
    if (blocks.length === 0) issues.push({ key, problem: `${path} holds no PEM certificate`, fix });
    for (const block of blocks) {
        const certificate = attempt(key, issues, fix, () => new X509Certificate(block));
        if (certificate === undefined || new Date(certificate.validTo) > now) continue;
        const problem = `the certificate ${certificate.subject.replaceAll("\n", ", ")} in ${path} expired on ${certificate.validTo}`;
        issues.push({ key, problem, fix: "put the CA's current certificate there" });
    }
    return `${blocks.join("\n")}\n`;
}

function readUpstreams(parsed: SiteDocument, issues: ConfigIssue[]): string[] {
    return (parsed.upstreams ?? DEFAULT_UPSTREAM_HOSTS).flatMap((text, i) => {
        const key = `site.upstreams[${i}]`;
        const upstream = classifyUpstream(text);
        if (upstream?.class === "egress-only") {
            const fix = "leave it out: no image is ever pulled by this name; it belongs in a firewall's allow-list";
            issues.push({ key, problem: `${text} is ${upstream.reason}`, fix });
            return [];
        }
        const host = canonicalRegistry(text);
        if (host !== undefined) return [host];
        issues.push({
            key,
            problem: `${JSON.stringify(text)} is not a registry host`,
            fix: "write host or host:port",
        });
        return [];
    });
}

function versionIssues(parsed: SiteDocument): ConfigIssue[] {
    const issues: ConfigIssue[] = [];
    attempt("site.cluster.version", issues, "write a version such as 4.18.20 or 4.18", () =>
        mirrorKinds(parsed.cluster.version),
    );
    return issues;
}

/** Up to 4.12 a cluster redirects pulls by digest alone, which is just what such images are not found by. */
function tagOnlyIssues(content: readonly Content[], parsed: SiteDocument): ConfigIssue[] {
    const { version } = parsed.cluster;
    const kinds = attempt("site.cluster.version", [], "", () => mirrorKinds(version).kinds);
    const lost = Object.entries(allMarks(content)).flatMap(([source, mark]) => (mark === "tag-only" ? [source] : []));
    if (kinds?.includes("ITMS") !== false || lost.length === 0) return [];
    const problem = `OpenShift ${version ?? ""} redirects pulls by digest only, and these lost theirs: ${lost.join(", ")}`;
    const fix = "bring them with their digests: skopeo copy --all --preserve-digests docker://<image> dir:<folder>";
    return [{ key: "site.content", problem, fix }];
}

function plainHttpIssues(parsed: SiteDocument, base: MirrorBase | undefined): ConfigIssue[] {
    if (parsed.registry.plainHttp !== true || base === undefined || isLoopback(base.host)) return [];
    const problem = `plain HTTP is for loopback only, and ${base.host} is not`;
    return [{ key: "site.registry.plainHttp", problem, fix: "serve the registry with TLS and give its CA" }];
}

/** What only all images together can show: hosts that are not allowed, names that do not fit, names that collide. */
function imageIssues(content: readonly Content[], base: MirrorBase | undefined, upstreams: string[]): ConfigIssue[] {
    const issues: ConfigIssue[] = [];
    const strangers = new Map<string, string>();
    const local = localRepositories(content);
    const references = content.flatMap(({ images, lock }, i) =>
        Object.keys({ ...images }).flatMap((source) => {
            const key = `site.content[${i}].lock`;
            const reference = attempt(key, issues, "make the lock again", () => parseSourceKey(source));
            if (reference === undefined) return [];
            if (!upstreams.includes(reference.registry) && !local.has(repositoryName(reference)))
                strangers.set(reference.registry, lock);
            if (base !== undefined) {
                attempt(key, issues, "shorten site.registry.mirrorBase", () => mirrorReference(base, reference));
            }
            return [reference];
        }),
    );
    for (const [host, lock] of strangers) {
        const fix = `add ${host} to the list if its images are wanted here`;
        issues.push({ key: "site.upstreams", problem: `${lock} has images of ${host}, which is not listed`, fix });
    }
    for (const { location, hosts } of base === undefined ? [] : mirrorConflicts(base, references)) {
        const problem = `${hosts.join(" and ")} would both land at ${location}`;
        issues.push({ key: "site.content", problem, fix: "mirror one of them under another host name" });
    }
    return issues;
}

function attempt<T>(key: string, issues: ConfigIssue[], fix: string, action: () => T): T | undefined {
    try {
        return action();
    } catch (error) {
        const own = (error as { fix?: unknown }).fix;
        // A PassthroughError's message ends with its own cure, which knows more.
        issues.push({ key, problem: errorMessage(error), fix: typeof own === "string" ? "" : fix });
        return undefined;
    }
}

/** All sets together: source reference -> digest, what they bring and what they rely on. */
export function allImages(content: readonly Content[]): Record<string, Digest> {
    return Object.assign(
        {},
        ...content.map(({ earlier }) => earlier),
        ...content.map(({ images }) => images),
    ) as Record<string, Digest>;
}
