import "reflect-metadata";
import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

/** Of every key that the program makes for a certificate. */
export const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

export async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
    return (await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
}

/** Secret: PEM, PKCS #8, not encrypted. */
export async function privatePem({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
    const der = await webcrypto.subtle.exportKey("pkcs8", privateKey);
    return `${x509.PemConverter.encode(der, "PRIVATE KEY").trim()}\n`;
}
