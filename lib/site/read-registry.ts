import { X509Certificate } from "node:crypto";
import { certificateBlocks, certificatesIn } from "../http/certificates";
import { isLoopback } from "../http/loopback";
import { type MirrorBase, formatMirrorBase, parseMirrorBase } from "../mirror/mirror-reference";
import { canonicalRegistry, hostProblem } from "../oci/reference";
import type { CertificateContext } from "./certificate-chain";
import { readClientCertificate } from "./client-certificate";
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
    const pushHost = configured.pushHost === undefined ? undefined : readPushHost(configured.pushHost, mirror, issues);
    const ca = configured.ca === undefined ? undefined : readCaFile("site.registry.ca", configured.ca, context, issues);
    const clientCertificate =
        configured.clientCertificate && readClientCertificate(configured.clientCertificate, context, issues);
    const clientKeyFile = configured.clientCertificate?.keyFile;
    if (mirror === undefined) return undefined;
    return {
        type,
        mirrorBase: formatMirrorBase(mirror),
        mirror,
        ...(pushHost === undefined ? {} : { pushHost }),
        ...(ca === undefined ? {} : { ca }),
        ...(clientCertificate === undefined ? {} : { clientCertificate }),
        ...(clientKeyFile === undefined ? {} : { clientKeyFile }),
        ...(configured.proxy === undefined ? {} : { proxy: configured.proxy }),
        ...(plainHttp === undefined ? {} : { plainHttp }),
        retrySeconds: transfer.retrySeconds,
        ...(transfer.requests === undefined ? {} : { requests: transfer.requests }),
        ...(transfer.maxBody === undefined ? {} : { maxBody: transfer.maxBody }),
    };
}

function readPushHost(text: string, mirror: MirrorBase | undefined, issues: ConfigIssue[]): string | undefined {
    const key = "site.registry.pushHost";
    const host = canonicalRegistry(text);
    if (host === undefined) {
        const [problem, fix = keyFix(key)] = hostProblem(text, "host[:port]");
        issues.push({ key, problem, fix });
    } else if (host === mirror?.host) {
        const fix = "leave it out, or name the instance that takes pushes";
        issues.push({ key, problem: `${host} is the host of site.registry.mirrorBase`, fix });
    }
    return host;
}

/** Plain HTTP beyond loopback, or with what needs TLS. */
export function plainHttpIssues({ registry }: SiteDocument, mirror: MirrorBase | undefined): ConfigIssue[] {
    if (registry.plainHttp !== true) return [];
    const fix = "serve the registry with TLS and give its CA";
    const issues: ConfigIssue[] = [];
    for (const host of [mirror?.host, registry.pushHost]) {
        if (host === undefined || isLoopback(host)) continue;
        const problem = `plain HTTP is for loopback only, and ${host} is not`;
        issues.push({ key: "site.registry.plainHttp", problem, fix });
    }
    if (registry.clientCertificate !== undefined) {
        const problem = "plain HTTP (site.registry.plainHttp) has no client certificates";
        issues.push({ key: "site.registry.clientCertificate", problem, fix: `leave it out, or ${fix}` });
    }
    if (registry.proxy !== undefined) {
        const problem = "plain HTTP (site.registry.plainHttp) is for loopback, which no proxy is used for";
        issues.push({ key: "site.registry.proxy", problem, fix: `leave it out, or ${fix}` });
    }
    return issues;
}

/** The certificates of a PEM file with CAs, none of which may have expired. @param key that names the file */
export function readCaFile(
    key: string,
    path: string,
    { read, now }: CertificateContext,
    issues: ConfigIssue[],
): string | undefined {
    const text = collectIssue(key, issues, () => read(path));
    if (text === undefined) return undefined;
    const blocks = certificateBlocks(text);
    if (blocks.length === 0) issues.push({ key, problem: `${path} holds no PEM certificate`, fix: keyFix(key) });
    for (const block of blocks) {
        const certificate = collectIssue(key, issues, () => new X509Certificate(block));
        if (certificate === undefined || new Date(certificate.validTo) > now) continue;
        const problem = `the certificate ${certificate.subject.replaceAll("\n", ", ")} in ${path} expired on ${certificate.validTo}`;
        issues.push({ key, problem, fix: "replace it with the CA's current certificate" });
    }
    return certificatesIn(text);
}
