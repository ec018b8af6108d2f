import { execFileSync } from "node:child_process";
import { X509Certificate, createPrivateKey } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
    type CertificateWithKey,
    createAuthority,
    createServerCertificate,
    newSerialNumber,
    serialNumberOf,
} from "../../../lib/certificates/issue";
import { newLifetime } from "../../../lib/certificates/renewal";
import { RegistryClient } from "../../../lib/distribution/client/registry-client";
import { DEFAULT_RETRY } from "../../../lib/distribution/limits/retry";
import { craneCatalog } from "../../support/other-registries/crane";
import { RegistryProcess } from "../../support/registry-process";

const HOSTS = ["registry.example", "localhost", "127.0.0.1", "2001:db8::1"];
const NOW = Date.now();

let folder: string;
let authority: CertificateWithKey;
let server: CertificateWithKey;

beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "certificates "));
    authority = await createAuthority({
        generation: 3,
        serialNumber: newSerialNumber(),
        owner: "registry-passthrough/site-a",
        ...newLifetime(NOW, 30),
    });
    server = await createServerCertificate({ hosts: HOSTS, issuer: authority, ...newLifetime(NOW, 10) });
    writeFileSync(join(folder, "ca.pem"), authority.certificate);
    writeFileSync(join(folder, "server.pem"), server.certificate);
});

afterAll(() => rmSync(folder, { recursive: true }));

const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, encoding: "utf8" });
const extensions = (file: string) =>
    openssl("x509", "-in", file, "-noout", "-ext", "basicConstraints,keyUsage,extendedKeyUsage,subjectAltName");

test("OpenSSL verifies the certificate for each of its hosts, and for no other", () => {
    const verify = (...options: string[]) =>
        openssl("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", "ca.pem", ...options, "server.pem");
    for (const name of HOSTS.slice(0, 2)) expect(verify("-verify_hostname", name)).toContain("OK");
    for (const address of HOSTS.slice(2)) expect(verify("-verify_ip", address)).toContain("OK");
    expect(() => verify("-verify_hostname", "other.example")).toThrow("hostname mismatch");
});

test("CA and certificate have the extensions that clients look at, and P-256 keys", () => {
    expect(
        extensions("ca.pem")
            .split("\n")
            .map((line) => line.trim()),
    ).toEqual(
        expect.arrayContaining([
            "X509v3 Basic Constraints: critical",
            "CA:TRUE, pathlen:0",
            "Certificate Sign, CRL Sign",
        ]),
    );
    const text = extensions("server.pem");
    expect(text).toContain("CA:FALSE");
    expect(text).toContain("Digital Signature\n");
    expect(text).toContain("TLS Web Server Authentication\n");
    const [ca, leaf] = [authority, server].map(({ certificate }) => new X509Certificate(certificate));
    for (const made of [ca, leaf]) expect(made?.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
    expect(leaf?.checkPrivateKey(createPrivateKey(server.key))).toBe(true);
    const identifiers = openssl("x509", "-in", "server.pem", "-noout", "-ext", "authorityKeyIdentifier");
    const own = openssl("x509", "-in", "ca.pem", "-noout", "-ext", "subjectKeyIdentifier");
    expect(identifiers.split("\n")[1]?.trim()).toBe(own.split("\n")[1]?.trim());
    expect(Date.parse(leaf?.validFrom ?? "")).toBe(Math.floor((NOW - 3600_000) / 1000) * 1000);
});

test("serial numbers are positive, of 20 octets, and found in a certificate as they were planned", async () => {
    const numbers = Array.from({ length: 50 }, newSerialNumber);
    for (const number of numbers) expect(number).toMatch(/^[4-7][0-9a-f]{39}$/);
    expect(new Set(numbers).size).toBe(50);
    const [serialNumber = ""] = numbers;
    const made = await createAuthority({ generation: 1, serialNumber, owner: "p/s", ...newLifetime(NOW, 3) });
    expect(serialNumberOf(made.certificate)).toBe(serialNumber);
    expect(serialNumberOf("no certificate")).toBeUndefined();
});

test("a host name that is too long for a subject is in subjectAltName alone, which is critical then", async () => {
    const long = `${"a".repeat(60)}.registry.example`;
    const made = await createServerCertificate({ hosts: [long], issuer: authority, ...newLifetime(NOW, 1) });
    writeFileSync(join(folder, "server-long.pem"), made.certificate);
    expect(extensions("server-long.pem")).toContain("Subject Alternative Name: critical");
    expect(openssl("verify", "-CAfile", "ca.pem", "-verify_hostname", long, "server-long.pem")).toContain("OK");
});

test("a registry written in Go serves it, and undici and a client written in Go trust it with the CA alone", async () => {
    const registry = await RegistryProcess.start({ tls: server });
    try {
        const ping = async (ca: string) => {
            const client = new RegistryClient({
                endpoint: { host: registry.host, ca },
                retry: { ...DEFAULT_RETRY, seconds: 0 },
            });
            return client.ping().finally(() => client.close());
        };
        expect(await ping(authority.certificate)).toBe(200);
        const other = await createAuthority({
            generation: 1,
            serialNumber: newSerialNumber(),
            owner: "p/s",
            ...newLifetime(NOW, 3),
        });
        await expect(ping(other.certificate)).rejects.toMatchObject({ code: "TLS" });
        writeFileSync(join(folder, "other.pem"), other.certificate);
        const catalog = (ca: string) => craneCatalog(registry.host, join(folder, ca));
        expect(await catalog("ca.pem")).toBe("");
        await expect(catalog("other.pem")).rejects.toMatchObject({
            stderr: expect.stringContaining("certificate signed by unknown authority") as string,
        });
    } finally {
        await registry.stop();
    }
});
