import { isIP } from "node:net";
import { type DetailedPeerCertificate, type PeerCertificate, checkServerIdentity } from "node:tls";

/** OpenSSL accepts the certificate, but the container runtime of the nodes, which is written in Go, does not. */
export class ServerCertificateError extends Error {
    readonly code = "ERR_SERVER_CERTIFICATE";

    /** `problem` and `fix` are those of PassthroughError. */
    constructor(
        readonly problem: string,
        readonly fix: string,
    ) {
        super(problem);
        this.name = new.target.name;
    }
}

/**
 * The `checkServerIdentity` option of a TLS connection: Node.js calls it after OpenSSL has verified the chain. It also
 * refuses what Go's crypto/x509 refuses, since images in a registry that no node can pull from are of no use.
 * @param host host name, or IP address without brackets
 * @returns why the certificate is refused; undefined if it is accepted
 */
export function checkServerCertificate(host: string, certificate: PeerCertificate): Error | undefined {
    return checkNames(host, certificate) ?? checkChain(certificateChain(certificate));
}

/**
 * Go compares host names with the DNS entries and addresses with the IP entries of subjectAltName, and ignores the
 * Common Name (crypto/x509, Certificate.VerifyHostname; go.dev/doc/go1.15, go1.17). Node.js falls back to the Common Name
 * if there is no DNS entry.
 */
function checkNames(host: string, certificate: PeerCertificate): Error | undefined {
    const names = (certificate.subjectaltname ?? "").split(", ");
    if (!names.some((name) => /^(DNS|IP Address):/.test(name))) {
        return new ServerCertificateError(
            "it has no subjectAltName for a host name or address, and container runtimes do not read the Common Name",
            `issue the certificate again with subjectAltName: ${isIP(host) === 0 ? "DNS" : "IP"}:${host}`,
        );
    }
    return checkServerIdentity(host, {
        ...certificate,
        subject: { ...certificate.subject, CN: "" },
        subjectaltname: names.filter(isMatchedByGo).join(", "),
    });
}

/**
 * In Go a wildcard must be the whole left-most label, and an entry that ends with a dot matches no host
 * (crypto/x509, validHostname). Node.js also matches `reg*.example.com` and `registry.example.com.`.
 */
function isMatchedByGo(name: string): boolean {
    // Node.js quotes entries with special characters; no host name matches them.
    if (!name.startsWith("DNS:") || name.includes('"')) return true;
    const pattern = name.slice("DNS:".length);
    return !pattern.endsWith(".") && !pattern.replace(/^\*\./, "").includes("*");
}

/** The certificate and its issuers up to the root, as far as Node.js found them. */
function certificateChain(certificate: PeerCertificate): PeerCertificate[] {
    const chain: PeerCertificate[] = [];
    // A root is its own issuer.
    for (let next: PeerCertificate | undefined = certificate; next !== undefined && !chain.includes(next);) {
        chain.push(next);
        next = (next as Partial<DetailedPeerCertificate>).issuerCertificate;
    }
    return chain;
}

function checkChain(chain: readonly PeerCertificate[]): Error | undefined {
    for (const [index, certificate] of chain.entries()) {
        const issuer = chain[index + 1];
        const problem = checkSerialNumber(certificate) ?? (issuer && checkIssuer(certificate, issuer));
        if (problem !== undefined) return problem;
    }
    return undefined;
}

/** RFC 5280 §4.1.2.2 requires a positive one; Go refuses negative ones since 1.23 (go.dev/doc/go1.23), OpenSSL does not. */
function checkSerialNumber(certificate: PeerCertificate): Error | undefined {
    if (!certificate.serialNumber.startsWith("-")) return undefined;
    return new ServerCertificateError(
        `the certificate ${certificateName(certificate)} has a negative serial number, and container runtimes built with Go 1.23 or newer refuse it`,
        "issue that certificate again with a positive serial number",
    );
}

function checkIssuer(certificate: PeerCertificate, issuer: PeerCertificate): Error | undefined {
    const [child, parent] = [certificate, issuer].map(({ raw }) => tbsFields(raw));
    // Go: Certificate.CheckSignatureFrom. OpenSSL is content with keyUsage keyCertSign (X509_check_ca returns 4).
    if (parent?.hasExtensions === true && !issuer.ca) {
        return new ServerCertificateError(
            `the CA certificate ${certificateName(issuer)} has no basicConstraints CA:TRUE, so container runtimes refuse every certificate that it issued`,
            "issue the CA certificate again with basicConstraints: critical,CA:TRUE",
        );
    }
    // Go: CertPool.findPotentialParents (golang/go#31440). OpenSSL ignores case and string type (RFC 5280 §7.1).
    if (child !== undefined && parent !== undefined && !child.issuer.equals(parent.subject)) {
        return new ServerCertificateError(
            `the issuer name in the certificate ${certificateName(certificate)} is encoded differently (case or string type) from the subject of the CA certificate ${certificateName(issuer)}, and container runtimes compare the bytes`,
            "issue the certificate again with the issuer name exactly as the CA certificate has it",
        );
    }
    return undefined;
}

function certificateName({ subject, fingerprint256 }: PeerCertificate): string {
    return JSON.stringify(subject.CN ?? subject.O ?? fingerprint256);
}

/** Fields of a TBSCertificate (RFC 5280 §4.1); the names in DER. */
interface TbsFields {
    /** False for X.509 version 1. */
    readonly hasExtensions: boolean;
    readonly issuer: Buffer;
    readonly subject: Buffer;
}

const VERSION_TAG = 0xa0;

function tbsFields(der: Buffer): TbsFields | undefined {
    const [tbs] = derElements(elementContent(der));
    if (tbs === undefined) return undefined;
    const fields = derElements(elementContent(tbs));
    const hasExtensions = fields[0]?.[0] === VERSION_TAG;
    const [, , issuer, , subject] = hasExtensions ? fields.slice(1) : fields;
    return issuer && subject && { hasExtensions, issuer, subject };
}

/** Consecutive DER elements, each with its header. */
function derElements(der: Buffer): Buffer[] {
    const elements: Buffer[] = [];
    for (let rest = der; rest.length >= 2;) {
        const { header, length } = derHeader(rest);
        elements.push(rest.subarray(0, header + length));
        rest = rest.subarray(header + length);
    }
    return elements;
}

function elementContent(element: Buffer): Buffer {
    const { header, length } = derHeader(element);
    return element.subarray(header, header + length);
}

/**
 * Sizes in bytes of an element's header (tag and length) and of its content (X.690 §8.1.3). What is no DER has no
 * content: an exception here would end the process, and Go refuses to parse such a certificate in any case.
 */
function derHeader(der: Buffer): { header: number; length: number } {
    const first = der[1] ?? 0;
    if (first < 0x80) return { header: 2, length: first };
    const count = first - 0x80;
    if (count === 0 || count > 4 || der.length < 2 + count) return { header: der.length, length: 0 };
    return { header: 2 + count, length: der.readUIntBE(2, count) };
}
