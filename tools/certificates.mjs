import { webcrypto, X509Certificate as NodeCertificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
// The x509 library finds its parts by decorators, which need this first.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { writePrivate } from "./workspace.mjs";

x509.cryptoProvider.set(webcrypto);

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const day = 24 * 60 * 60 * 1000;
const authorityDays = 3650;
const serverDays = 365;
const renewDays = 30;

/** @typedef {{ca: string, certificate: string, key: string, renewed: boolean}} TlsFiles paths of PEM files */

/**
 * A CA of its own and a server certificate from it, kept in a folder. The certificate is renewed when less than 30 days
 * of it are left, the CA only when it is about to expire or its key is gone: then everybody has to trust a new one.
 *
 * @param {string} dir
 * @param {string[]} [names] host names and addresses of the server
 * @returns {Promise<TlsFiles>}
 */
export async function keepCertificates(dir, names = ["localhost", "127.0.0.1", "::1"]) {
    const path = (/** @type {string} */ name) => join(dir, name);
    const files = { ca: path("ca.crt"), certificate: path("server.crt"), key: path("server.key") };
    const caKey = path("ca.key");
    const freshAuthority = !(existsSync(caKey) && lasts(files.ca));
    if (freshAuthority) await writeAuthority(files.ca, caKey);
    const renewed = freshAuthority || !existsSync(files.key) || !lasts(files.certificate, files.ca);
    if (renewed) await writeServer(files, caKey, names);
    return { ...files, renewed };
}

/**
 * @param {string} file
 * @param {string} [issuer] the certificate that must have signed it
 * @returns {boolean} whether it is valid for another 30 days
 */
function lasts(file, issuer) {
    if (!existsSync(file)) return false;
    const certificate = new NodeCertificate(readFileSync(file));
    const known = issuer === undefined || certificate.verify(new NodeCertificate(readFileSync(issuer)).publicKey);
    return known && Date.parse(certificate.validTo) - Date.now() > renewDays * day;
}

/** @param {string} file @param {string} keyFile */
async function writeAuthority(file, keyFile) {
    const keys = await newKeys();
    const authority = await x509.X509CertificateGenerator.createSelfSigned({
        serialNumber: serialNumber(),
        name: "CN=registry-passthrough quickstart CA",
        ...validity(authorityDays),
        signingAlgorithm: algorithm,
        keys,
        extensions: [
            new x509.BasicConstraintsExtension(true, 0, true),
            new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
            await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        ],
    });
    writePrivate(keyFile, await privatePem(keys.privateKey));
    writePrivate(file, authority.toString("pem"));
}

/**
 * @param {Pick<TlsFiles, "ca" | "certificate" | "key">} files
 * @param {string} caKey path of the CA's key
 * @param {string[]} names of the server, at least one
 */
async function writeServer(files, caKey, names) {
    const authority = new x509.X509Certificate(readFileSync(files.ca, "utf8"));
    const keys = await newKeys();
    const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: serialNumber(),
        subject: `CN=${names[0]}`,
        issuer: authority.subject,
        ...validity(serverDays),
        signingAlgorithm: algorithm,
        publicKey: keys.publicKey,
        signingKey: await readPrivateKey(caKey),
        extensions: [
            new x509.BasicConstraintsExtension(false, undefined, true),
            new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
            new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
            new x509.SubjectAlternativeNameExtension(
                names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value })),
            ),
            await x509.AuthorityKeyIdentifierExtension.create(authority),
        ],
    });
    writePrivate(files.key, await privatePem(keys.privateKey));
    writePrivate(files.certificate, certificate.toString("pem"));
}

/** Begins a little earlier: clocks of containers and virtual machines lag. @param {number} days */
function validity(days) {
    return { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + days * day) };
}

/** Positive and of constant length, as RFC 5280 §4.1.2.2 wants it. */
function serialNumber() {
    const bytes = Buffer.from(webcrypto.getRandomValues(new Uint8Array(16)));
    bytes.writeUInt8((bytes.readUInt8() & 0x3f) | 0x40);
    return bytes.toString("hex");
}

function newKeys() {
    return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

/** @param {webcrypto.CryptoKey} key @returns {Promise<string>} PKCS #8 */
async function privatePem(key) {
    return x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}

/** @param {string} file PKCS #8, PEM */
function readPrivateKey(file) {
    const der = x509.PemConverter.decodeFirst(readFileSync(file, "utf8"));
    return webcrypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]);
}
