import { type KeyObject, X509Certificate, createPrivateKey } from "node:crypto";
import { certificateBlocks } from "../http/certificates";
import type { ConfigIssue } from "./config-issue";
import { collectIssue, keyFix } from "./issues";

/** What reading certificates needs from outside. */
export interface CertificateContext {
    /** The text of a file; may throw. */
    readonly read: (path: string) => string;
    readonly now: Date;
}

/** The file of a certificate and its issuers, and the key that names it. */
export interface CertificateFile {
    /** `site.registry.clientCertificate.certificateFile` */
    readonly key: string;
    readonly file: string;
    /** Whose certificate stands first: "client". */
    readonly owner: string;
}

const PRIVATE_KEY = /-----BEGIN ((?:[A-Z0-9]+ )*)PRIVATE KEY-----[\s\S]+?-----END \1PRIVATE KEY-----/;

/** The certificates of a file's text; undefined, with issues, if it has none or one cannot be read. */
export function readChain(
    text: string,
    { key, file }: CertificateFile,
    issues: ConfigIssue[],
): X509Certificate[] | undefined {
    const blocks = certificateBlocks(text);
    if (blocks.length === 0) issues.push({ key, problem: `${file} holds no PEM certificate`, fix: keyFix(key) });
    const chain = blocks.map((block) => collectIssue(key, issues, () => new X509Certificate(block)));
    const read = chain.filter((certificate) => certificate !== undefined);
    return read.length > 0 && read.length === chain.length ? read : undefined;
}

/** Certificates that are not valid now, or do not stand before the one that issued them. */
export function chainIssues(
    chain: readonly X509Certificate[],
    { key, file, owner }: CertificateFile,
    now: Date,
): ConfigIssue[] {
    const issue = (problem: string, fix: string): ConfigIssue => ({ key, problem, fix });
    return [
        ...chain.flatMap((certificate) => validityIssue(certificate, file, now).map(([...parts]) => issue(...parts))),
        ...chain.slice(1).flatMap((issuer, index) => {
            const certificate = chain[index];
            if (certificate === undefined || certificate.checkIssued(issuer)) return [];
            const problem = `in ${file}, ${certificateName(issuer)} did not issue ${certificateName(certificate)}, after which it stands`;
            return [
                issue(
                    problem,
                    `write the ${owner} certificate first, and after each certificate the CA that issued it`,
                ),
            ];
        }),
    ];
}

/** What a certificate that is not for its use is reissued with: the OIDs of extendedKeyUsage that allow the use. */
export interface CertificateUse {
    readonly usages: readonly string[];
    /** "clients" */
    readonly users: string;
    /** "clientAuth" */
    readonly name: string;
}

/** That the extendedKeyUsage of the first certificate does not allow a use. */
export function usageIssues(
    certificate: X509Certificate | undefined,
    { key, file }: CertificateFile,
    { usages, users, name }: CertificateUse,
): ConfigIssue[] {
    // What Node.js calls keyUsage is extendedKeyUsage.
    const found = certificate?.keyUsage as readonly string[] | undefined;
    if (certificate === undefined || found === undefined || found.some((usage) => usages.includes(usage))) return [];
    return [
        {
            key,
            problem: `the certificate ${certificateName(certificate)} in ${file} is not for ${users} (its extendedKeyUsage lacks ${name})`,
            fix: `issue it again with extendedKeyUsage: ${name}`,
        },
    ];
}

/** The PEM private key in a text, without anything else that it holds; undefined if there is none. */
export function privateKeyIn(text: string): string | undefined {
    const key = PRIVATE_KEY.exec(text)?.[0];
    return key && `${key}\n`;
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

/** The subject, on one line. */
export function certificateName({ subject, fingerprint256 }: X509Certificate): string {
    // Empty where the name is in subjectAltName only.
    return ((subject as string | undefined) ?? fingerprint256).replaceAll("\n", ", ");
}

/** Where a private key is configured. */
export interface KeyPlace {
    readonly key: string;
    /** Absent: it is a secret of the stack. */
    readonly file?: string;
    /** As commands that fix it call its file: "client.key". */
    readonly keyFileName: string;
}

/**
 * What is wrong with a private key. No text of it is in any message.
 * @param certificate that it must belong to; undefined if that is not known
 */
export function privateKeyIssues(
    text: string,
    certificate: X509Certificate | undefined,
    place: KeyPlace,
): ConfigIssue[] {
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
            `decrypt it (openssl pkey -in ${place.keyFileName} -out plain.key), and ${keyFix(place.key).replace(place.keyFileName, "plain.key")}`,
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

/** undefined if it cannot be read. */
export function parseCertificate(block: string): X509Certificate | undefined {
    try {
        return new X509Certificate(block);
    } catch {
        return undefined;
    }
}
