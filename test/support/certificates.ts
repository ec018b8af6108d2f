import "reflect-metadata";
import { sign, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

x509.cryptoProvider.set(webcrypto);

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
/** RSA signatures have a fixed length. */
const RSA = {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-256",
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
};
const RSA_SIGNATURE_BYTES = 256;
const DAY = 24 * 3600 * 1000;

type KeyPair = webcrypto.CryptoKeyPair;

/** PEM texts. */
export interface ServerCertificate {
    readonly certificate: string;
    readonly key: string;
}

export interface IssueOptions {
    /** Of subjectAltName; empty: no such extension. Default: localhost and 127.0.0.1. */
    readonly names?: readonly string[];
    /** Default: the first name. */
    readonly commonName?: string;
    /** Valid for so many days from now; default: a year. */
    readonly daysLeft?: number;
    /** Of the signature; default: SHA-256. */
    readonly hash?: "SHA-1" | "SHA-256";
    /** OIDs of extendedKeyUsage; default: no such extension. */
    readonly usages?: readonly string[];
    /** Of an RSA key; default: an elliptic curve. */
    readonly rsaBits?: number;
    /** Needs an authority with an RSA key. */
    readonly negativeSerial?: boolean;
}

export interface TestAuthority {
    /** PEM. */
    readonly ca: string;
    issue(options?: IssueOptions): Promise<ServerCertificate>;
    /** A CA below this one, whose certificate is in `ca`. */
    intermediate(name: string, daysLeft: number): Promise<TestAuthority>;
}

export interface AuthorityOptions {
    /** Below zero: it has expired. */
    readonly daysLeft?: number;
    readonly rsa?: boolean;
    /** False: the CA certificate only has keyUsage keyCertSign. */
    readonly basicConstraints?: boolean;
    /** The name in the CA's own certificate, if it differs from the issuer name in the certificates it issues. */
    readonly nameInCertificate?: string;
}

/** A certificate authority of its own for a test. */
export async function testAuthority(name = "Test CA", options: AuthorityOptions = {}): Promise<TestAuthority> {
    const { daysLeft = 3650, basicConstraints = true, nameInCertificate = name } = options;
    const algorithm = options.rsa === true ? RSA : ALGORITHM;
    const keys = await newKeys(algorithm);
    const ca = await x509.X509CertificateGenerator.createSelfSigned({
        name: `CN=${nameInCertificate}`,
        ...validity(2 * 365, daysLeft),
        signingAlgorithm: algorithm,
        keys,
        extensions: [
            ...(basicConstraints ? [new x509.BasicConstraintsExtension(true, undefined, true)] : []),
            new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        ],
    });
    return authorityOf({ name, keys, algorithm }, ca);
}

function authorityOf(issuer: Issuer, ca: x509.X509Certificate): TestAuthority {
    return {
        ca: ca.toString("pem"),
        issue: (wanted = {}) => issue(issuer, wanted),
        intermediate: async (name, daysLeft) => {
            const keys = await newKeys(ALGORITHM);
            const certificate = await x509.X509CertificateGenerator.create({
                subject: `CN=${name}`,
                issuer: `CN=${issuer.name}`,
                ...validity(365, daysLeft),
                signingAlgorithm: issuer.algorithm,
                publicKey: keys.publicKey,
                signingKey: issuer.keys.privateKey,
                extensions: [
                    new x509.BasicConstraintsExtension(true, undefined, true),
                    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
                ],
            });
            return authorityOf({ name, keys, algorithm: ALGORITHM }, certificate);
        },
    };
}

/** A certificate that is its own CA, as `openssl req -x509` makes it. */
export async function selfSigned(names: readonly string[], commonName: string): Promise<ServerCertificate> {
    const keys = await newKeys(ALGORITHM);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
        name: `CN=${commonName}`,
        ...validity(365, 365),
        signingAlgorithm: ALGORITHM,
        keys,
        extensions: [new x509.BasicConstraintsExtension(true, undefined, true), ...alternativeNames(names)],
    });
    return { certificate: certificate.toString("pem"), key: await privatePem(keys) };
}

interface Issuer {
    readonly name: string;
    readonly keys: KeyPair;
    readonly algorithm: typeof ALGORITHM | typeof RSA;
}

async function issue(issuer: Issuer, options: IssueOptions): Promise<ServerCertificate> {
    const { names = ["localhost", "127.0.0.1"], daysLeft = 365, hash = "SHA-256", usages } = options;
    const keys = await newKeys(options.rsaBits === undefined ? ALGORITHM : { ...RSA, modulusLength: options.rsaBits });
    const issued = await x509.X509CertificateGenerator.create({
        serialNumber: SERIAL_NUMBER,
        subject: `CN=${options.commonName ?? names[0] ?? "localhost"}`,
        issuer: `CN=${issuer.name}`,
        ...validity(365, daysLeft),
        signingAlgorithm: { ...issuer.algorithm, hash },
        publicKey: keys.publicKey,
        signingKey: issuer.keys.privateKey,
        extensions: [
            ...alternativeNames(names),
            ...(usages === undefined ? [] : [new x509.ExtendedKeyUsageExtension([...usages])]),
        ],
    });
    const certificate =
        options.negativeSerial === true ? await withNegativeSerial(issued, issuer.keys) : issued.toString("pem");
    return { certificate, key: await privatePem(keys) };
}

const SERIAL_NUMBER = "7a5b3c1d";

/** The library only makes positive serial numbers: changes one and signs again. */
async function withNegativeSerial(certificate: x509.X509Certificate, issuer: KeyPair): Promise<string> {
    const der = Buffer.from(certificate.rawData);
    der[der.indexOf(Buffer.from(SERIAL_NUMBER, "hex"))] = 0x85;
    // After the four bytes of the outer header, with as many bytes of length as the second byte says (X.690 §8.1.3.5).
    const lengthBytes = der.readUInt8(5) - 0x80;
    const tbs = der.subarray(4, 6 + lengthBytes + der.readUIntBE(6, lengthBytes));
    const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", issuer.privateKey));
    const signature = sign("sha256", tbs, { key: pkcs8, format: "der", type: "pkcs8" });
    signature.copy(der, der.length - RSA_SIGNATURE_BYTES);
    return x509.PemConverter.encode(der, "CERTIFICATE");
}

function alternativeNames(names: readonly string[]): x509.Extension[] {
    if (names.length === 0) return [];
    const typed = names.map((value) => ({ type: /^[\d.]+$|:/.test(value) ? "ip" : "dns", value }) as const);
    return [new x509.SubjectAlternativeNameExtension(typed)];
}

function validity(daysBefore: number, daysLeft: number): { notBefore: Date; notAfter: Date } {
    return { notBefore: new Date(Date.now() - daysBefore * DAY), notAfter: new Date(Date.now() + daysLeft * DAY) };
}

async function newKeys(algorithm: typeof ALGORITHM | typeof RSA): Promise<KeyPair> {
    return (await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as KeyPair;
}

async function privatePem({ privateKey }: KeyPair): Promise<string> {
    return x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", privateKey), "PRIVATE KEY");
}
