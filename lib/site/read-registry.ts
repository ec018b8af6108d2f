import { X509Certificate } from "node:crypto";
import { isLoopback } from "../distribution/http/transport";
import { type MirrorBase, parseMirrorBase } from "../mirror/mirror-reference";
import type { FileReader } from "./content";
import type { ConfigIssue } from "./config-issue";
import { collectIssue, keyFix } from "./issues";
import type { SiteRegistry } from "./registry";
import type { SiteDocument } from "./schema";

/** What reading a site needs from outside. */
export interface SiteContext extends FileReader {
    readonly now: Date;
}

/** The registry of a site with its CA read; undefined if its mirror base is invalid. */
export function readRegistry(
    { registry: configured, transfer }: SiteDocument,
    context: SiteContext,
    issues: ConfigIssue[],
): SiteRegistry | undefined {
    const { type, mirrorBase, plainHttp } = configured;
    const mirror = collectIssue("site.registry.mirrorBase", issues, () => parseMirrorBase(mirrorBase));
    const ca = configured.ca === undefined ? undefined : readCa(configured.ca, context, issues);
    if (mirror === undefined) return undefined;
    return {
        type,
        mirrorBase,
        mirror,
        ...(ca === undefined ? {} : { ca }),
        ...(plainHttp === undefined ? {} : { plainHttp }),
        retrySeconds: transfer.retrySeconds,
        ...(transfer.requests === undefined ? {} : { requests: transfer.requests }),
        ...(transfer.maxBody === undefined ? {} : { maxBody: transfer.maxBody }),
    };
}

/** Plain HTTP beyond loopback. */
export function plainHttpIssues({ registry }: SiteDocument, mirror: MirrorBase | undefined): ConfigIssue[] {
    if (registry.plainHttp !== true || mirror === undefined || isLoopback(mirror.host)) return [];
    const problem = `plain HTTP is for loopback only, and ${mirror.host} is not`;
    return [{ key: "site.registry.plainHttp", problem, fix: "serve the registry with TLS and give its CA" }];
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

function readCa(path: string, { read, now }: SiteContext, issues: ConfigIssue[]): string | undefined {
    const key = "site.registry.ca";
    const text = collectIssue(key, issues, () => read(path));
    if (text === undefined) return undefined;
    const blocks = text.match(CERTIFICATE) ?? [];
    if (blocks.length === 0) issues.push({ key, problem: `${path} holds no PEM certificate`, fix: keyFix(key) });
    for (const block of blocks) {
        const certificate = collectIssue(key, issues, () => new X509Certificate(block));
        if (certificate === undefined || new Date(certificate.validTo) > now) continue;
        const problem = `the certificate ${certificate.subject.replaceAll("\n", ", ")} in ${path} expired on ${certificate.validTo}`;
        issues.push({ key, problem, fix: "replace it with the CA's current certificate" });
    }
    return `${blocks.join("\n")}\n`;
}
