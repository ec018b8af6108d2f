import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** The certificates of a PEM text, each as its own text, without anything else that the text holds. */
export function certificateBlocks(pem: string): string[] {
    return pem.match(CERTIFICATES) ?? [];
}

/** A PEM text of these certificates alone: comments, and private keys above all, are left out. */
export function certificatesIn(pem: string): string {
    return `${certificateBlocks(pem).join("\n")}\n`;
}

/** Whether one of the certificates of a chain is signed by one of these CAs. @param chain PEM @param cas PEM */
export function isIssuedBy(chain: string, cas: string): boolean {
    const issuers = certificateBlocks(cas).map((block) => new X509Certificate(block));
    const certificates = certificateBlocks(chain).map((block) => new X509Certificate(block));
    return certificates.some((certificate) =>
        issuers.some((issuer) => certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)),
    );
}

/**
 * Whether the first certificate of a chain (PEM) is for a host, as clients compare: not with the common name of its subject.
 * @param host name, or address without brackets
 */
export function isForHost(chain: string, host: string): boolean {
    const [block] = certificateBlocks(chain);
    if (block === undefined) return false;
    const certificate = new X509Certificate(block);
    const found = isIP(host) === 0 ? certificate.checkHost(host, { subject: "never" }) : certificate.checkIP(host);
    return found !== undefined;
}

/** Names and addresses that the first certificate of a chain (PEM) is for; names in lower case. */
export function hostsOf(chain: string): string[] {
    const [block] = certificateBlocks(chain);
    const names = block === undefined ? undefined : parse(block)?.subjectAltName;
    return [...(names ?? "").matchAll(/(?:DNS|IP Address):([^\s,"]+)/g)].map(([, name = ""]) => name.toLowerCase());
}

/** Whether the first certificate of a chain (PEM) is valid at a time, in milliseconds since 1970. */
export function isValidAt(chain: string, time: number): boolean {
    const [block] = certificateBlocks(chain);
    if (block === undefined) return false;
    const { validFrom, validTo } = new X509Certificate(block);
    return Date.parse(validFrom) <= time && time < Date.parse(validTo);
}

/** Certificates, each as its own PEM text. */
export interface CertificateChange {
    readonly added: readonly string[];
    readonly removed: readonly string[];
}

/** Which certificates only one of two PEM texts has; their order and what stands between them do not matter. */
export function compareCertificates(before = "", after = ""): CertificateChange {
    const [former, current] = [certificateBlocks(before), certificateBlocks(after)];
    const without = (blocks: readonly string[], others: readonly string[]) => {
        const known = new Set(others.map(identity));
        return blocks.filter((block) => !known.has(identity(block)));
    };
    return { added: without(current, former), removed: without(former, current) };
}

/** "+ CN=Corp CA, expires on 2030-01-31, SHA-256 AA:BB:…", a line for each certificate that was added or removed. */
export function certificateChangeLines({ added, removed }: CertificateChange): string[] {
    return [
        ...added.map((block) => `+ ${describeCertificate(block)}`),
        ...removed.map((block) => `- ${describeCertificate(block)}`),
    ];
}

/** "CN=Corp CA, expires on 2030-01-31, SHA-256 AA:BB:…" */
export function describeCertificate(block: string): string {
    const certificate = parse(block);
    if (certificate === undefined) return "a certificate that cannot be read";
    const { subject, validTo, fingerprint256 } = certificate;
    const name = subject.replaceAll("\n", ", ") || "no subject";
    return `${name}, expires on ${new Date(validTo).toISOString().slice(0, 10)}, SHA-256 ${fingerprint256}`;
}

/** The same certificate may be written with other line breaks. */
function identity(block: string): string {
    return parse(block)?.fingerprint256 ?? block;
}

function parse(block: string): X509Certificate | undefined {
    try {
        return new X509Certificate(block);
    } catch {
        return undefined;
    }
}
