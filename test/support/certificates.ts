import "reflect-metadata";
import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

x509.cryptoProvider.set(webcrypto);

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY = 24 * 3600 * 1000;

/** PEM texts. */
export interface ServerCertificate {
    readonly certificate: string;
    readonly key: string;
}

export interface TestAuthority {
    /** PEM. */
    readonly ca: string;
    /** A certificate for localhost, or for other names; valid for a year, or until `daysLeft` from now. */
    issue(options?: { names?: readonly string[]; daysLeft?: number }): Promise<ServerCertificate>;
}

/** A certificate authority of its own for a test. `daysLeft` below zero: it has expired. */
export async function testAuthority(name = "Test CA", daysLeft = 3650): Promise<TestAuthority> {
    const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
    const ca = await x509.X509CertificateGenerator.createSelfSigned({
        name: `CN=${name}`,
        notBefore: new Date(Date.now() - 2 * 365 * DAY),
        notAfter: new Date(Date.now() + daysLeft * DAY),
        signingAlgorithm: ALGORITHM,
        keys,
        extensions: [
            new x509.BasicConstraintsExtension(true, undefined, true),
            new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        ],
    });
    return {
        ca: ca.toString("pem"),
        issue: async ({ names = ["localhost", "127.0.0.1"], daysLeft: left = 365 } = {}) => {
            const serverKeys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
            const server = await x509.X509CertificateGenerator.create({
                subject: `CN=${names[0] ?? "localhost"}`,
                issuer: ca.subject,
                notBefore: new Date(Date.now() - 365 * DAY),
                notAfter: new Date(Date.now() + left * DAY),
                signingAlgorithm: ALGORITHM,
                publicKey: serverKeys.publicKey,
                signingKey: keys.privateKey,
                extensions: [
                    new x509.SubjectAlternativeNameExtension(
                        names.map((value) => ({ type: /^[\d.]+$/.test(value) ? "ip" : "dns", value })),
                    ),
                ],
            });
            const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", serverKeys.privateKey);
            return { certificate: server.toString("pem"), key: x509.PemConverter.encode(pkcs8, "PRIVATE KEY") };
        },
    };
}
