import { acmeKeyIssues, readConfiguredSite, readSite, registryKeyIssues } from "../../../lib/site";
import { type ServerCertificate, type TestAuthority, testAuthority } from "../../support/certificates";

const NOW = new Date();
const FILE = "site.registry.certificate.chainFile";
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

let authority: TestAuthority;
let good: ServerCertificate;

beforeAll(async () => {
    authority = await testAuthority();
    good = await authority.issue({ names: ["registry.example", "192.0.2.7"], usages: [SERVER_AUTH] });
});

/** What a site with this certificate reports. */
function read(certificate: object, files: Readonly<Record<string, string>> = {}, registry: object = {}) {
    const document = {
        registry: { type: "distribution", mirrorBase: "registry.example:8443/mirror", certificate, ...registry },
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
    return { site, lines: issues.map(({ key, problem, fix }) => `${key}: ${problem}; ${fix}`) };
}

const chain = (text: string, registry: object = {}, files: Readonly<Record<string, string>> = {}) =>
    read({ chainFile: "registry.pem" }, { "registry.pem": text, ...files }, registry);

test("a chain is read without a private key that stands in its file, for a name and for an address", () => {
    const withCa = { ca: "ca.pem" };
    const files = { "ca.pem": authority.ca };
    const { site, lines } = chain(`${good.key}\n${good.certificate}\n${authority.ca}`, withCa, files);
    expect(lines).toEqual([]);
    expect(site?.certificate?.chain?.match(/BEGIN [A-Z ]+/g)).toEqual(["BEGIN CERTIFICATE", "BEGIN CERTIFICATE"]);
    expect(JSON.stringify(site)).not.toContain("PRIVATE KEY");
    expect(chain(good.certificate, { ...withCa, mirrorBase: "192.0.2.7/mirror" }, files).lines).toEqual([]);
});

test("what is wrong with a chain is reported at once, by its key", async () => {
    const other = await testAuthority("Other CA");
    const bad = await authority.issue({ names: ["other.example"], daysLeft: -1, usages: [CLIENT_AUTH] });
    const { lines } = chain(`${bad.certificate}\n${other.ca}`, { ca: "ca.pem" }, { "ca.pem": authority.ca });
    expect(lines).toEqual([
        expect.stringMatching(`^${FILE}: the certificate CN=other.example in registry.pem expired on`),
        expect.stringContaining(
            "CN=Other CA did not issue CN=other.example, after which it stands; write the registry's",
        ),
        expect.stringContaining("is not for servers (its extendedKeyUsage lacks serverAuth)"),
        expect.stringMatching(
            /Host: registry\.example\. is not in the cert.*; issue it again with registry\.example in/,
        ),
        expect.stringContaining(
            "no certificate in site.registry.ca has issued CN=Other CA, the last one in registry.pem",
        ),
    ]);
    expect(chain("DER").lines).toEqual([expect.stringContaining(`${FILE}: registry.pem holds no PEM certificate`)]);
    expect(read({ chainFile: "gone.pem" }).lines).toEqual([expect.stringContaining(`${FILE}: ENOENT`)]);
    expect(chain(authority.ca, { mirrorBase: "registry.example/mirror" }).lines).toEqual([
        expect.stringContaining("is not for servers (its keyUsage lacks digitalSignature)"),
        expect.stringContaining("it has no subjectAltName"),
    ]);
});

test("a CA of the same name that has not signed the chain is another one", async () => {
    const namesake = await testAuthority();
    expect(chain(good.certificate, { ca: "ca.pem" }, { "ca.pem": namesake.ca }).lines).toEqual([
        expect.stringContaining("no certificate in site.registry.ca has issued CN=registry.example"),
    ]);
});

test("a CA of the site has defaults, and lives long enough for what it issues", () => {
    const { site, lines } = read({ siteCa: {} });
    expect(lines).toEqual([]);
    expect(site?.certificate).toEqual({ siteCa: { caLifetime: 3650, lifetime: 365, overlap: 7 } });
    expect(read({ siteCa: { caLifetime: "200d", lifetime: "90d", roll: "" } }).lines).toEqual([
        expect.stringContaining("site.registry.certificate.siteCa.roll: "),
        expect.stringContaining("site.registry.certificate.siteCa.caLifetime: 200d is less than three times"),
    ]);
    expect(read({ siteCa: { dropNames: ["old.example"] } }).lines).toEqual([
        expect.stringContaining(
            "site.registry.certificate.siteCa.dropNames: former names are only kept where the program",
        ),
    ]);
    expect(read({}).lines).toEqual([expect.stringContaining("site.registry.certificate: it says no way")]);
    expect(read({ siteCa: {} }, {}, { mirrorBase: "localhost:5000/mirror", plainHttp: true }).lines).toEqual([
        expect.stringContaining("site.registry.certificate: plain HTTP"),
    ]);
});

test("the secret key belongs to the chain", () => {
    const issues = (text: string | undefined, key: string | undefined) =>
        registryKeyIssues(text, key, "site-a").map(({ key: name, problem, fix }) => `${name}: ${problem}; ${fix}`);
    expect(issues(good.certificate, good.key)).toEqual([]);
    expect(issues(undefined, undefined)).toEqual([]);
    expect(issues(good.certificate, undefined)).toEqual([
        "registryCertificateKey: it is not set; set it with: npm run pulumi -- config set --secret registryCertificateKey --stack site-a < registry.key",
    ]);
    expect(issues(authority.ca, good.key)).toEqual([expect.stringContaining("does not belong to the certificate")]);
    expect(issues(undefined, good.key)).toEqual([expect.stringContaining(`${FILE}, which it belongs to, is not set`)]);
});

test("whether there is a CA of the site is read with the rest of the configuration", () => {
    const registry = { type: "distribution", mirrorBase: "registry.example/mirror", ca: "ca.pem" };
    const configured = (certificate?: object) =>
        readConfiguredSite({ value: { registry: { ...registry, certificate } } }, { value: undefined }, (path) =>
            path === "ca.pem" ? authority.ca : good.certificate,
        );
    const ca = { value: `${authority.ca.trim()}\n` };
    expect(configured()).toMatchObject({ ca, hasSiteCa: { value: false }, certificateChain: { value: undefined } });
    expect(configured({ siteCa: {} })).toMatchObject({ ca, hasSiteCa: { value: true } });
    expect(configured({ chainFile: "registry.pem" })).toMatchObject({
        ca: { value: `${authority.ca.trim()}\n` },
        certificateChain: { value: good.certificate },
    });
});

describe("an ACME server", () => {
    const directory = "https://ca.example/acme/directory";

    test("is trusted by the registry's CA unless it has one of its own, and may stand beside a CA of the site", () => {
        const files = { "ca.pem": authority.ca };
        const { site, lines } = read({ acme: { directory }, siteCa: {} }, files, { ca: "ca.pem" });
        expect(lines).toEqual([]);
        expect(site?.certificate?.acme).toEqual({ directory, challenge: "dns-01", ca: site?.registry.ca });
        expect(site?.certificate?.siteCa).toBeDefined();
        expect(read({ acme: { directory, ca: "ca.pem" } }, files).site?.certificate?.acme?.ca).toContain("BEGIN");
    });

    test.each([
        [
            { acme: { directory: "http://ca.example/directory" } },
            /acme\.directory: it is no https URL; write the https URL/,
        ],
        [{ acme: { directory, ca: "gone.pem" } }, /acme\.ca: ENOENT/],
        [{ acme: { directory, challenge: "tls-alpn-01" } }, /acme\.challenge: .*write one of: dns-01, http-01/],
        [{ acme: { directory, command: [] } }, /acme\.command: /],
        [{ acme: { directory }, chainFile: "registry.pem" }, /acme: chainFile is set as well; leave out one of both/],
    ])("%j is refused by its key", (certificate, issue) => {
        const { lines } = read(certificate, { "registry.pem": good.certificate });
        expect(lines).toEqual([expect.stringMatching(issue)]);
    });

    test("needs the key of an external account, and does not take one without its name", () => {
        const issues = (value: string | undefined, keyId: string | undefined) =>
            acmeKeyIssues(() => value, keyId, "site-a").map(({ key, problem }) => `${key}: ${problem}`);
        const is = "site.registry.certificate.acme.keyId";
        expect(issues(undefined, "site-a")).toEqual([`acmeMacKey: it is not set, and ${is} is`]);
        expect(issues("not base64url!", "site-a")).toEqual([
            "acmeMacKey: it is no key of 16 bytes or more in base64url",
        ]);
        expect(issues("x".repeat(43), undefined)).toEqual([`acmeMacKey: ${is}, which it belongs to, is not set`]);
        expect(issues("x".repeat(43), "site-a")).toEqual([]);
    });
});
