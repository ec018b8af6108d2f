import { type KeyObject, X509Certificate, createPrivateKey } from "node:crypto";
import { certificateBlocks, certificatesIn } from "../http/certificates";
import type { ConfigIssue } from "./config-issue";
import { collectIssue, keyFix } from "./issues";
import type { SiteDocument } from "./schema";

type CertificateKeys = NonNullable<SiteDocument["registry"]["clientCertificate"]>;

/** What reading certificates needs from outside. */
export interface CertificateContext {
    /** The text of a file; may throw. */
    readonly read: (path: string) => string;
    readonly now: Date;
}

const FILE_KEY = "site.registry.clientCertificate.certificateFile";
const KEY_FILE_KEY = "site.registry.clientCertificate.keyFile";
const PRIVATE_KEY = /-----BEGIN ((?:[A-Z0-9]+ )*)PRIVATE KEY-----[\s\S]+?-----END \1PRIVATE KEY-----/;
/** RFC 5280 §4.2.1.12: clientAuth, and any usage. */
const CLIENT_USAGES = ["1.3.6.1.5.5.7.3.2", "2.5.29.37.0"];

/**
 * The client certificate of a site: read, and checked by itself and against the key file.
 * @returns PEM without anything else that the file holds, so without a private key; undefined if it is not usable
 */
export function readClientCertificate(
    { certificateFile, keyFile }: CertificateKeys,
    context: CertificateContext,
    issues: ConfigIssue[],
): string | undefined {
    const text = collectIssue(FILE_KEY, issues, () => context.read(certificateFile));
    const chain = text === undefined ? undefined : readChain(text, certificateFile, issues);
    if (chain !== undefined) issues.push(...chainIssues(chain, certificateFile, context.now));
    if (keyFile !== undefined) {
        const key = collectIssue(KEY_FILE_KEY, issues, () => context.read(keyFile));
        if (key !== undefined) issues.push(...privateKeyIssues(key, chain?.[0], { key: KEY_FILE_KEY, file: keyFile }));
    }
    return chain && certificatesIn(text ?? "");
}

/** The PEM private key in a text, without anything else that it holds; undefined if there is none. */
export function privateKeyIn(text: string): string | undefined {
    const key = PRIVATE_KEY.exec(text)?.[0];
    return key && `${key}\n`;
}

function readChain(text: string, file: string, issues: ConfigIssue[]): X509Certificate[] | undefined {
    const blocks = certificateBlocks(text);
    if (blocks.length === 0)
        issues.push({ key: FILE_KEY, problem: `${file} holds no PEM certificate`, fix: keyFix(FILE_KEY) });
    const chain = blocks.map((block) => collectIssue(FILE_KEY, issues, () => new X509Certificate(block)));
    const read = chain.filter((certificate) => certificate !== undefined);
    return read.length > 0 && read.length === chain.length ? read : undefined;
}

function chainIssues(chain: readonly X509Certificate[], file: string, now: Date): ConfigIssue[] {
    const issue = (problem: string, fix: string): ConfigIssue => ({ key: FILE_KEY, problem, fix });
    const [client] = chain;
    const usages = client?.keyUsage as readonly string[] | undefined;
    const isForClients = usages === undefined || usages.some((usage) => CLIENT_USAGES.includes(usage));
    return [
        ...chain.flatMap((certificate) => validityIssue(certificate, file, now).map(([...parts]) => issue(...parts))),
        ...chain.slice(1).flatMap((issuer, index) => {
            const certificate = chain[index];
            if (certificate === undefined || certificate.checkIssued(issuer)) return [];
            const problem = `in ${file}, ${certificateName(issuer)} did not issue ${certificateName(certificate)}, after which it stands`;
            return [
                issue(problem, "write the client certificate first, and after each certificate the CA that issued it"),
            ];
        }),
        ...(client === undefined || isForClients
            ? []
            : [
                  issue(
                      `the certificate ${certificateName(client)} in ${file} is not for clients (its extendedKeyUsage lacks clientAuth)`,
                      "issue it again with extendedKeyUsage: clientAuth",
                  ),
              ]),
    ];
}

function validityIssue(
    certificate: X509Certificate,
    file: string,
    now: Date,
): (readonly [problem: string, fix: string])[] {
    const { validFrom, validTo } = certificate;
    const name = `the certificate ${certificateName(certificate)} in ${file}`;
    if (new Date(validTo) <= now) return [[`${name} expired on ${validTo}`, "replace it with a current certificate"]];
    if (new Date(validFrom) <= now) return [];
    return [[`${name} is not valid before ${validFrom}`, "set the clock of this machine right, or issue it again"]];
}

function certificateName({ subject, fingerprint256 }: X509Certificate): string {
    // Empty where the name is in subjectAltName only.
    return ((subject as string | undefined) ?? fingerprint256).replaceAll("\n", ", ");
}

/** Where a private key is configured. */
interface KeyPlace {
    readonly key: string;
    /** Absent: it is a secret of the stack. */
    readonly file?: string;
}

/**
 * What is wrong with a private key. No text of it is in any message.
 * @param certificate that it must belong to; undefined if that is not known
 */
function privateKeyIssues(text: string, certificate: X509Certificate | undefined, place: KeyPlace): ConfigIssue[] {
    const name = place.file ?? "its value";
    const issue = (problem: string, fix: string): ConfigIssue[] => [{ key: place.key, problem, fix }];
    const pem = PRIVATE_KEY.exec(text)?.[0];
    if (pem === undefined) {
        const what = text.includes("-----BEGIN CERTIFICATE-----")
            ? "holds a certificate, but no private key"
            : "is not a PEM private key";
        return issue(`${name} ${what}`, keyFix(place.key));
    }
    if (/^-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
        return issue(
            `${name} is encrypted with a passphrase`,
            `decrypt it (openssl pkey -in client.key -out plain.key), and ${keyFix(place.key).replace("client.key", "plain.key")}`,
        );
    }
    const key = parsePrivateKey(pem);
    if (key === undefined) return issue(`${name} cannot be read as a private key`, keyFix(place.key));
    if (certificate === undefined || certificate.checkPrivateKey(key)) return [];
    return issue(
        `${name} does not belong to the certificate ${certificateName(certificate)}`,
        "give the key that this certificate was issued for",
    );
}

/** Whether a PEM private key belongs to the first of these PEM certificates; false if one of them cannot be read. */
export function isKeyOfCertificate(key: string, certificates: string): boolean {
    const certificate = parseCertificate(certificateBlocks(certificates)[0] ?? "");
    const parsed = parsePrivateKey(key);
    return certificate !== undefined && parsed !== undefined && certificate.checkPrivateKey(parsed);
}

function parsePrivateKey(pem: string): KeyObject | undefined {
    try {
        return createPrivateKey(pem);
    } catch {
        return undefined;
    }
}

/** A client certificate as it is configured, whatever else is wrong with the site. */
export interface ConfiguredCertificate {
    /** Text of the certificate file. */
    readonly certificate: string;
    /** Text of the key file, if one is configured. */
    readonly keyFileText?: string | undefined;
}

/**
 * What is wrong with the secret `clientKey`.
 * @param configured undefined: no client certificate is configured
 * @param stack named in the commands that fix it
 */
export function clientKeyIssues(
    configured: ConfiguredCertificate | undefined,
    key: string | undefined,
    stack: string,
): ConfigIssue[] {
    const issue = (problem: string, fix: string): ConfigIssue[] => [{ key: "clientKey", problem, fix }];
    const remove = `remove it with: npm run pulumi -- config rm clientKey --stack ${stack}`;
    if (configured === undefined) {
        return key === undefined
            ? []
            : issue("site.registry.clientCertificate, which it belongs to, is not set", remove);
    }
    const hasFile = configured.keyFileText !== undefined;
    if (key === undefined) return hasFile ? [] : issue("it is not set", clientKeyFix(stack));
    if (hasFile) return issue("site.registry.clientCertificate.keyFile is set as well", remove);
    const [block] = certificateBlocks(configured.certificate);
    return privateKeyIssues(key, block === undefined ? undefined : parseCertificate(block), { key: "clientKey" });
}

function parseCertificate(block: string): X509Certificate | undefined {
    try {
        return new X509Certificate(block);
    } catch {
        return undefined;
    }
}

/** How the secret is set. */
function clientKeyFix(stack: string): string {
    return keyFix("clientKey").replace("<stack>", stack);
}
