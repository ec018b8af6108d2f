import type { X509Certificate } from "node:crypto";
import { createRequire } from "node:module";
import type * as keyUsageModule from "../certificates/key-usage";
import { dayOf, endsSoon } from "../certificates/renewal";
import { checkServerCertificate } from "../distribution/http/server-certificate";
import { certificateBlocks, certificatesIn } from "../http/certificates";
import type { MirrorBase } from "../mirror/mirror-reference";
import {
    type CertificateContext,
    type CertificateFile,
    certificateName,
    chainIssues,
    parseCertificate,
    privateKeyIssues,
    readChain,
    usageIssues,
} from "./certificate-chain";
import { type SiteAcme, readAcme } from "./acme";
import type { ConfigIssue } from "./config-issue";
import { collectIssue, keyFix } from "./issues";
import type { SiteDocument } from "./schema";

/** Loads an ASN.1 parser: only for sites with a certificate of their own. */
const load = createRequire(__filename);

/** How the registry's certificate comes about: by `chain` or `acme`, or by `siteCa`. */
export interface SiteCertificate {
    /** PEM of a certificate that somebody else has issued, and its issuers: what the registry shows. */
    readonly chain?: string;
    /** A server that issues it. */
    readonly acme?: SiteAcme;
    /** A CA that the program keeps, and trusts; it issues the certificate if nobody else does. */
    readonly siteCa?: SiteCa;
}

/** How the CA of a site lives; all in days. */
export interface SiteCa {
    /** Replaces the CA whenever it changes. */
    readonly roll?: string;
    readonly caLifetime: number;
    /** Of a certificate that it issues. */
    readonly lifetime: number;
    /** For each step of a roll, for those who get something by hand. */
    readonly overlap: number;
    /** Former names of a deployed registry that its certificate need not have any more. */
    readonly dropNames?: readonly string[];
}

const KEY = "site.registry.certificate";
const CHAIN_KEY = `${KEY}.chainFile`;
/** RFC 5280 §4.2.1.12: serverAuth, and any usage. */
const SERVER_USE = { usages: ["1.3.6.1.5.5.7.3.1", "2.5.29.37.0"], users: "servers", name: "serverAuth" } as const;
/** What is left of a CA's life when it is replaced must hold the life of a certificate. */
const LIVES = 3;

/** What the certificate is checked against. */
interface CertificateSite {
    /** undefined: it is invalid. */
    readonly mirror: MirrorBase | undefined;
    /** PEM of `site.registry.ca`. */
    readonly ca: string | undefined;
}

/** The registry's certificate as it is configured, read and checked by itself. */
export function readSiteCertificate(
    { certificate, plainHttp, deploy }: SiteDocument["registry"],
    site: CertificateSite,
    context: CertificateContext,
    issues: ConfigIssue[],
): SiteCertificate | undefined {
    if (certificate === undefined) return undefined;
    const { chainFile, acme, siteCa } = certificate;
    if (plainHttp === true) {
        const problem = "plain HTTP (site.registry.plainHttp) has no certificate";
        issues.push({ key: KEY, problem, fix: "leave out one of both" });
    }
    if (chainFile !== undefined && acme !== undefined)
        issues.push({ key: `${KEY}.acme`, problem: "chainFile is set as well", fix: "leave out one of both" });
    if (chainFile === undefined && acme === undefined && siteCa === undefined)
        issues.push({ key: KEY, problem: "it says no way to a certificate", fix: keyFix(KEY) });
    if (siteCa !== undefined && siteCa.caLifetime < LIVES * siteCa.lifetime) {
        issues.push({
            key: `${KEY}.siteCa.caLifetime`,
            problem: `${siteCa.caLifetime}d is less than three times the lifetime of a certificate (${siteCa.lifetime}d)`,
            fix: `write ${LIVES * siteCa.lifetime}d or more, or a shorter lifetime`,
        });
    }
    if (siteCa?.dropNames !== undefined && (deploy === undefined || deploy.installer !== undefined)) {
        issues.push({
            key: `${KEY}.siteCa.dropNames`,
            problem: "former names are only kept where the program runs the registry (deploy.cluster, deploy.host)",
            fix: "leave it out",
        });
    }
    const chain = chainFile === undefined ? undefined : readServerChain(chainFile, site, context, issues);
    return {
        ...(chain === undefined ? {} : { chain }),
        ...(acme === undefined ? {} : { acme: readAcme(acme, site.ca, context, issues) }),
        ...(siteCa === undefined ? {} : { siteCa: siteCaOf(siteCa) }),
    };
}

type SiteCaKeys = NonNullable<NonNullable<SiteDocument["registry"]["certificate"]>["siteCa"]>;

function siteCaOf({ roll, dropNames, ...lives }: SiteCaKeys): SiteCa {
    return {
        ...lives,
        ...(roll === undefined ? {} : { roll }),
        ...(dropNames === undefined ? {} : { dropNames }),
    };
}

function readServerChain(
    file: string,
    { mirror, ca }: CertificateSite,
    context: CertificateContext,
    issues: ConfigIssue[],
): string | undefined {
    const text = collectIssue(CHAIN_KEY, issues, () => context.read(file));
    const place = { key: CHAIN_KEY, file, owner: "registry's" };
    const chain = text === undefined ? undefined : readChain(text, place, issues);
    if (text === undefined || chain === undefined) return undefined;
    issues.push(
        ...chainIssues(chain, place, context.now),
        ...usageIssues(chain[0], place, SERVER_USE),
        ...keyUsageIssues(chain[0], place),
        ...(mirror === undefined ? [] : hostIssues(chain, place, mirror)),
        ...(ca === undefined ? [] : rootIssues(chain, place, ca)),
    );
    return certificatesIn(text);
}

/** RFC 5280 §4.2.1.3: a TLS server signs, or decrypts, or agrees on a key. */
function keyUsageIssues(certificate: X509Certificate | undefined, { key, file }: CertificateFile): ConfigIssue[] {
    if (certificate === undefined) return [];
    const { allowsServers } = load("../certificates/key-usage") as typeof keyUsageModule;
    if (allowsServers(certificate.toString())) return [];
    return [
        {
            key,
            problem: `the certificate ${certificateName(certificate)} in ${file} is not for servers (its keyUsage lacks digitalSignature)`,
            fix: "issue it again with keyUsage: digitalSignature",
        },
    ];
}

/** The names as container runtimes compare them, and what else they refuse. */
function hostIssues(chain: readonly X509Certificate[], place: CertificateFile, { host }: MirrorBase): ConfigIssue[] {
    const name = new URL(`https://${host}`).hostname;
    const peers = chain.map((certificate) => certificate.toLegacyObject());
    // As a connection has them.
    for (const [index, peer] of peers.entries()) Object.assign(peer, { issuerCertificate: peers[index + 1] ?? peer });
    const server = peers[0] as Parameters<typeof checkServerCertificate>[1] | undefined;
    const problem = server === undefined ? undefined : checkServerCertificate(name, server);
    if (problem === undefined) return [];
    const fix = Reflect.get(problem, "fix") as string | undefined;
    return [
        {
            key: place.key,
            problem: `${place.file}: ${problem.message}`,
            fix: fix ?? `issue it again with ${name} in subjectAltName, or correct site.registry.mirrorBase`,
        },
    ];
}

/** That the chain does not lead to one of the CAs in `site.registry.ca`, with signatures that are right. */
function rootIssues(chain: readonly X509Certificate[], { key, file }: CertificateFile, ca: string): ConfigIssue[] {
    const roots = certificateBlocks(ca).flatMap((block) => parseCertificate(block) ?? []);
    const last = chain.at(-1);
    const isRoot = roots.some(({ fingerprint256 }) => chain.some((known) => known.fingerprint256 === fingerprint256));
    if (last === undefined || isRoot || roots.some((root) => isSignedBy(last, root))) return [];
    return [
        {
            key,
            problem: `no certificate in site.registry.ca has issued ${certificateName(last)}, the last one in ${file}`,
            fix: "add the CAs between them to the file, or give the right CA in site.registry.ca",
        },
    ];
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** That certificates of a chain (PEM) expire within 30 days. */
export function chainNotes(chain: string, now: Date): string[] {
    return certificateBlocks(chain).flatMap((block) => {
        const certificate = parseCertificate(block);
        if (certificate === undefined || !endsSoon(Date.parse(certificate.validTo), now.getTime())) return [];
        const day = dayOf(Date.parse(certificate.validTo));
        return [
            `${CHAIN_KEY}: ${certificateName(certificate)} expires on ${day}, and every pull with it; have it issued again ` +
                "before (docs/how-to/registry-certificate.md#when-a-certificate-expires)",
        ];
    });
}

/**
 * What is wrong with the secret `registryCertificateKey`.
 * @param chain text of the chain file; undefined: none is configured
 * @param stack named in the commands that fix it
 */
export function registryKeyIssues(chain: string | undefined, value: string | undefined, stack: string): ConfigIssue[] {
    const key = "registryCertificateKey";
    if (chain === undefined) {
        if (value === undefined) return [];
        const remove = `remove it with: npm run pulumi -- config rm ${key} --stack ${stack}`;
        return [{ key, problem: `${CHAIN_KEY}, which it belongs to, is not set`, fix: remove }];
    }
    if (value === undefined) return [{ key, problem: "it is not set", fix: keyFix(key).replace("<stack>", stack) }];
    const [block] = certificateBlocks(chain);
    const certificate = block === undefined ? undefined : parseCertificate(block);
    return privateKeyIssues(value, certificate, { key, keyFileName: "registry.key" });
}
