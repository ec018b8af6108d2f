import { generateKeyPairSync } from "node:crypto";
import { utils } from "ssh2";
import { hostLogin, hostLoginIssues } from "../../../lib/site";
import { readConfiguredSite } from "../../../lib/site/configured-site";
import { privateKeyProblem } from "../../../lib/site/private-key";

const ADDRESS = { address: "registry.example", hostKey: "ssh-ed25519 AAAA" };
const PLAIN = utils.generateKeyPairSync("ecdsa", { bits: 256 });
const ENCRYPTED = utils.generateKeyPairSync("ecdsa", {
    bits: 256,
    passphrase: "open",
    cipher: "aes256-ctr",
    rounds: 1,
});

/** Hosts of a site: the registry's, if there is one, and those of archives. */
function hosts(site: object, files: Readonly<Record<string, string>> = {}) {
    const readFile = (path: string) => {
        const text = files[path];
        if (text === undefined) throw new Error("no such file");
        return text;
    };
    const { host, archiveHosts } = readConfiguredSite({ value: site }, { value: undefined }, readFile);
    return [...(host?.value === undefined ? [] : [host.value]), ...(archiveHosts?.value ?? [])];
}
const ofRegistry = (keys: object = {}) => ({ registry: { deploy: { host: { ...ADDRESS, ...keys } } } });
const ofArchives = (...places: object[]) => ({
    content: places.map((keys) => ({ at: { host: { ...ADDRESS, ...keys } } })),
});

const messages = (configured: ReturnType<typeof hosts>, secrets: Parameters<typeof hostLoginIssues>[1]) =>
    hostLoginIssues(configured, secrets, "site-a").map(({ key, problem }) => `${key}: ${problem}`);

test("the private key of a host is needed once, from one place", () => {
    const file = (path: string) => hosts(ofRegistry({ privateKeyFile: path }), { "/key": PLAIN.private });
    expect(messages(hosts(ofRegistry()), { hostPrivateKey: PLAIN.private })).toEqual([]);
    expect(messages(file("/key"), {})).toEqual([]);
    expect(messages(hosts(ofRegistry()), {})).toEqual(["hostPrivateKey: it is not set"]);
    expect(messages(file("/key"), { hostPrivateKey: PLAIN.private })).toEqual([
        "hostPrivateKey: site.registry.deploy.host.privateKeyFile is set as well",
    ]);
    expect(messages(file("/other"), {})).toEqual([
        "site.registry.deploy.host.privateKeyFile: the file cannot be read, or is empty",
    ]);
    const installer = { registry: { deploy: { installer: { host: { ...ADDRESS, privateKeyFile: "/other" } } } } };
    expect(messages(hosts(installer, { "/other": PLAIN.private }), { hostPrivateKey: PLAIN.private })).toEqual([
        "hostPrivateKey: site.registry.deploy.installer.host.privateKeyFile is set as well",
    ]);
    expect(messages([], { hostPassphrase: "x" })).toEqual([
        expect.stringMatching(/^hostPassphrase: no host is configured/),
    ]);
});

test("hosts of archives have the same keys, and share the secrets of the stack", () => {
    const site = { ...ofRegistry(), ...ofArchives({}, { privateKeyFile: "/key" }, { privateKeyFile: "/locked" }) };
    const files = { "/key": PLAIN.private, "/locked": ENCRYPTED.private };
    const all = hosts(site, files);
    expect(all.map(({ key, user, port }) => [key, user, port])).toEqual([
        ["site.registry.deploy.host", "root", 22],
        ...[0, 1, 2].map((index) => [`site.content[${index}].at.host`, "root", 22]),
    ]);
    const secrets = { hostPrivateKey: PLAIN.private, hostPassphrase: "open" };
    expect(messages(all, secrets)).toEqual([]);
    expect(all.map((host) => hostLogin(host, secrets)?.privateKey)).toEqual([
        ...[PLAIN.private, PLAIN.private, PLAIN.private, ENCRYPTED.private],
    ]);
    expect(messages(all, {})).toEqual([
        "hostPrivateKey: it is not set",
        'site.content[2].at.host.privateKeyFile: "/locked" is encrypted, and hostPassphrase is not set',
    ]);
    expect(messages(hosts(ofArchives({ privateKeyFile: "/gone" })), {})).toEqual([
        "site.content[0].at.host.privateKeyFile: the file cannot be read, or is empty",
    ]);
    // A file that cannot be read is not made up for by the stack's key.
    expect(hostLogin(hosts(ofArchives({ privateKeyFile: "/gone" }))[0], secrets)).toBeUndefined();
});

const pem = (passphrase?: string) =>
    generateKeyPairSync("rsa", {
        modulusLength: 1024,
        publicKeyEncoding: { type: "spki", format: "pem" },
        privateKeyEncoding: {
            ...{ type: "pkcs1", format: "pem" },
            ...(passphrase === undefined ? {} : { cipher: "aes-128-cbc", passphrase }),
        },
    }).privateKey;
const PKCS8 = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();

test.each([
    ["of OpenSSH", PLAIN.private, undefined],
    ["of OpenSSH, encrypted", ENCRYPTED.private, /^is encrypted, and hostPassphrase is not set$/],
    ["in PEM", pem(), undefined],
    ["in PEM, encrypted", pem("open"), /^is encrypted/],
    ["in PKCS #8", PKCS8, /PKCS #8/],
    ["that is the public one", PLAIN.public, /^is the public key$/],
    ["in one line", PLAIN.private.replaceAll("\n", " "), /^is no private key$/],
    ["without its end", PLAIN.private.slice(0, 200), /without its end/],
])("a key %s is judged as the login will", (_what, text, expected) => {
    const found = privateKeyProblem(text, undefined);
    if (expected === undefined) expect(found).toBeUndefined();
    else expect(found?.problem).toMatch(expected);
    const parsed = utils.parseKey(text);
    const isUsable = !(parsed instanceof Error) && parsed.isPrivateKey();
    expect(found === undefined).toBe(isUsable);
    if (/^is encrypted/.test(found?.problem ?? "")) {
        expect(privateKeyProblem(text, "open")).toBeUndefined();
        expect(utils.parseKey(text, "open")).not.toBeInstanceOf(Error);
    }
});
