import "reflect-metadata";
import { X509Certificate, randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";
import { ALGORITHM, newKeys, privatePem } from "./keys";

/** RFC 5280, appendix A: ub-common-name, ub-organization-name. */
const LONGEST_NAME = 64;
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";

/** From when until when a certificate is valid; RFC 3339. */
export interface Validity {
    readonly notBefore: string;
    readonly notAfter: string;
}

/** PEM texts; the key is secret (PKCS #8, not encrypted). */
export interface CertificateWithKey {
    readonly certificate: string;
    readonly key: string;
}

/** A CA that is to be made. */
export interface NewAuthority extends Validity {
    readonly generation: number;
    /** Hexadecimal, as `newSerialNumber` makes it. */
    readonly serialNumber: string;
    /** Whose it is: "project/stack". */
    readonly owner: string;
}

/** A certificate of a registry that is to be made. */
export interface NewServerCertificate extends Validity {
    /** Host names and IP addresses (without brackets) of subjectAltName; at least one. */
    readonly hosts: readonly string[];
    readonly issuer: CertificateWithKey;
}

/** 158 random bits in 20 octets as hexadecimal: positive, and no longer than RFC 5280 §4.1.2.2 allows. */
export function newSerialNumber(): string {
    const bytes = randomBytes(20);
    // The highest bit would make it negative; a highest octet of zero would be left out of the encoding.
    bytes[0] = (bytes.readUInt8(0) & 0x3f) | 0x40;
    return bytes.toString("hex");
}

/**
 * A CA of its own: ECDSA P-256, may only issue certificates of servers directly (pathLenConstraint 0).
 * RFC 5280 §4.2.1.9, §4.2.1.3, §4.2.1.2.
 */
export async function createAuthority(authority: NewAuthority): Promise<CertificateWithKey> {
    const { generation, serialNumber, owner } = authority;
    const keys = await newKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned(
        {
            serialNumber,
            name: [
                { CN: [`Mirror CA ${generation} (${serialNumber.slice(0, 8)})`] },
                { O: [owner.slice(0, LONGEST_NAME)] },
            ],
            ...dates(authority),
            signingAlgorithm: ALGORITHM,
            keys,
            extensions: [
                new x509.BasicConstraintsExtension(true, 0, true),
                new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
                await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
            ],
        },
        webcrypto,
    );
    return { certificate: pemText(certificate), key: await privatePem(keys) };
}

/** A certificate for a server with a key of its own, which the CA in `issuer` signs. RFC 5280 §4.2.1.6, §4.2.1.12. */
export async function createServerCertificate(wanted: NewServerCertificate): Promise<CertificateWithKey> {
    const { hosts, issuer } = wanted;
    const [first = ""] = hosts;
    const keys = await newKeys();
    const authority = new x509.X509Certificate(issuer.certificate);
    const hasName = first.length <= LONGEST_NAME;
    const certificate = await x509.X509CertificateGenerator.create(
        {
            serialNumber: newSerialNumber(),
            // Without a subject, subjectAltName must be critical.
            ...(hasName ? { subject: [{ CN: [first] }] } : {}),
            issuer: authority.subjectName,
            ...dates(wanted),
            signingAlgorithm: ALGORITHM,
            publicKey: keys.publicKey,
            signingKey: await importKey(issuer.key),
            extensions: [
                new x509.BasicConstraintsExtension(false, undefined, true),
                new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
                new x509.ExtendedKeyUsageExtension([SERVER_AUTH]),
                new x509.SubjectAlternativeNameExtension(
                    hosts.map((value) => ({ type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const), value })),
                    !hasName,
                ),
                await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
                await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey, false, webcrypto),
            ],
        },
        webcrypto,
    );
    return { certificate: pemText(certificate), key: await privatePem(keys) };
}

/** The serial number of a PEM certificate, hexadecimal; undefined if it cannot be read. */
export function serialNumberOf(block: string): string | undefined {
    try {
        return new X509Certificate(block).serialNumber.toLowerCase();
    } catch {
        return undefined;
    }
}

function dates({ notBefore, notAfter }: Validity): { readonly notBefore: Date; readonly notAfter: Date } {
    return { notBefore: new Date(notBefore), notAfter: new Date(notAfter) };
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
    const der = x509.PemConverter.decodeFirst(pem);
    return webcrypto.subtle.importKey("pkcs8", der, ALGORITHM, false, ["sign"]);
}

function pemText(certificate: x509.X509Certificate): string {
    return `${certificate.toString("pem").trim()}\n`;
}
