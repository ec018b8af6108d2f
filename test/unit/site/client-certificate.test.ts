import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { clientKeyIssues, readSite } from "../../../lib/site";
import { type ServerCertificate, testAuthority } from "../../support/certificates";

const NOW = new Date();
const FILE = "site.registry.clientCertificate.certificateFile";
const KEY_FILE = "site.registry.clientCertificate.keyFile";

let good: ServerCertificate;
let other: ServerCertificate;
let ca: string;

beforeAll(async () => {
    const authority = await testAuthority("Client CA");
    ({ ca } = authority);
    good = await authority.issue({ names: [], commonName: "mirror" });
    other = await authority.issue({ names: [], commonName: "other" });
});

/** What a site with these files reports about its client certificate. */
function read(files: Readonly<Record<string, string>>, registry: object = {}, keyFile?: string) {
    const document = {
        registry: {
            type: "distribution",
            mirrorBase: "registry.example:8443/mirror",
            clientCertificate: { certificateFile: "client.pem", ...(keyFile === undefined ? {} : { keyFile }) },
            ...registry,
        },
    };
    const context = {
        read: (path: string) => {
            const text = files[path];
            if (text === undefined) throw new Error(`ENOENT: no such file, open '${path}'`);
            return text;
        },
        ...{ now: NOW, stack: "site-a" },
    };
    const { site, issues } = readSite(document, undefined, context);
    return { site, lines: issues.map(({ key, problem, fix }) => `${key}: ${problem}; ${fix}`), issues };
}

test("a certificate is read with its issuers, and without a private key that stands in the same file", () => {
    const { site, issues } = read({ "client.pem": `${good.key}\n${good.certificate}\n${ca}` }, {}, "client.pem");
    expect(issues).toEqual([]);
    expect(site?.registry.clientCertificate?.match(/BEGIN [A-Z ]+/g)).toEqual([
        "BEGIN CERTIFICATE",
        "BEGIN CERTIFICATE",
    ]);
    expect(site?.registry).toMatchObject({ clientKeyFile: "client.pem" });
    expect(JSON.stringify(site)).not.toContain("PRIVATE KEY");
});

test("what is wrong with certificate and key file is reported at once, by key", () => {
    const { lines } = read({ "client.pem": "DER", "client.key": other.certificate }, {}, "client.key");
    expect(lines).toEqual([
        `${FILE}: client.pem holds no PEM certificate; give the PEM file of a client certificate`,
        expect.stringMatching(`^${KEY_FILE}: client.key holds a certificate, but no private key; give the PEM file`),
    ]);
    expect(read({}, {}, "gone.key").lines).toEqual([
        expect.stringContaining(`${FILE}: ENOENT`),
        expect.stringContaining(`${KEY_FILE}: ENOENT`),
    ]);
});

test("an expired certificate, one that is not valid yet, and one that is not for clients", async () => {
    const authority = await testAuthority();
    const expired = await authority.issue({ names: [], commonName: "mirror", daysLeft: -1 });
    expect(read({ "client.pem": expired.certificate }).lines).toEqual([
        expect.stringMatching(`^${FILE}: the certificate CN=mirror in client.pem expired on .*; replace it`),
    ]);
    const forServers = await authority.issue({ names: [], commonName: "mirror", usages: ["1.3.6.1.5.5.7.3.1"] });
    expect(read({ "client.pem": forServers.certificate }).lines).toEqual([
        `${FILE}: the certificate CN=mirror in client.pem is not for clients (its extendedKeyUsage lacks clientAuth); ` +
            "issue it again with extendedKeyUsage: clientAuth",
    ]);
    const forClients = await authority.issue({ names: [], commonName: "mirror", usages: ["1.3.6.1.5.5.7.3.2"] });
    expect(read({ "client.pem": forClients.certificate }).lines).toEqual([]);
});

test("a chain in another order, or of another CA", async () => {
    const wrong = "write the client certificate first, and after each certificate the CA that issued it";
    expect(read({ "client.pem": `${ca}\n${good.certificate}` }).lines).toEqual([
        `${FILE}: in client.pem, CN=mirror did not issue CN=Client CA, after which it stands; ${wrong}`,
    ]);
    const { ca: foreign } = await testAuthority("Foreign CA");
    expect(read({ "client.pem": `${good.certificate}\n${foreign}` }).lines).toHaveLength(1);
    expect(read({ "client.pem": `${good.certificate}\n${ca}` }).lines).toEqual([]);
});

test("plain HTTP has no client certificates", () => {
    const registry = { mirrorBase: "localhost:5000/mirror", plainHttp: true };
    expect(read({ "client.pem": good.certificate }, registry).lines).toEqual([
        expect.stringContaining("site.registry.clientCertificate: plain HTTP"),
    ]);
});

describe("the secret clientKey", () => {
    const issues = (key: string | undefined, certificate = good.certificate) =>
        clientKeyIssues({ certificate }, key, "site-a").map(
            ({ key: name, problem, fix }) => `${name}: ${problem}; ${fix}`,
        );

    test("belongs to the certificate, in every form of PEM", () => {
        const key = createPrivateKey(good.key);
        expect(issues(good.key)).toEqual([]);
        expect(issues(key.export({ type: "sec1", format: "pem" }) as string)).toEqual([]);
        expect(issues(good.key.replaceAll("\n", "\r\n"))).toEqual([]);
    });

    test("is missing", () => {
        expect(issues(undefined)).toEqual([
            "clientKey: it is not set; set it with: npm run pulumi -- config set --secret clientKey --stack site-a < client.key",
        ]);
    });

    test("is of another certificate", () => {
        expect(issues(other.key)).toEqual([
            "clientKey: its value does not belong to the certificate CN=mirror; give the key that this certificate was issued for",
        ]);
    });

    test("is encrypted: the fix decrypts it", () => {
        const options = { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "canary" } as const;
        const encrypted = createPrivateKey(good.key).export(options) as string;
        const traditional = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({
            ...options,
            type: "pkcs1",
        }) as string;
        for (const key of [encrypted, traditional]) {
            expect(issues(key)).toEqual([
                expect.stringMatching(
                    /^clientKey: its value is encrypted with a passphrase; decrypt it \(openssl pkey -in client.key -out plain.key\), and set it with: .* < plain.key$/,
                ),
            ]);
        }
    });

    test("is no private key, and nothing of it is in the message", () => {
        const broken = good.key.replace(/\n[A-Za-z0-9+/]{20}/, "\nAAAAAAAAAAAAAAAAAAAA");
        for (const key of ["canary-not-a-key", good.certificate, broken]) {
            const [line, ...more] = issues(key);
            expect(line).toMatch(
                /^clientKey: its value (is not a PEM private key|holds a certificate, but no private key|cannot be read as a private key); /,
            );
            expect(more).toEqual([]);
            expect(line).not.toContain("canary");
            expect(line).not.toContain(key.split("\n")[1] ?? "canary");
        }
    });

    test("is set for nothing, or beside a key file", () => {
        const remove = "remove it with: npm run pulumi -- config rm clientKey --stack site-a";
        expect(clientKeyIssues(undefined, good.key, "site-a")).toEqual([
            {
                key: "clientKey",
                problem: "site.registry.clientCertificate, which it belongs to, is not set",
                fix: remove,
            },
        ]);
        expect(clientKeyIssues(undefined, undefined, "site-a")).toEqual([]);
        const withFile = { certificate: good.certificate, keyFileText: good.key };
        expect(clientKeyIssues(withFile, good.key, "site-a")).toMatchObject([{ fix: remove }]);
        expect(clientKeyIssues(withFile, undefined, "site-a")).toEqual([]);
    });
});
