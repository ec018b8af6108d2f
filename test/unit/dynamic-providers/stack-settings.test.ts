import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RegistryProcess } from "../../../dynamic-providers/registry/registry-process";
import { StackSettings } from "../../../dynamic-providers/registry/stack-settings";
import { testAuthority } from "../../support/certificates";

const BASE = "registry.example/mirror";
const CONNECTION = { type: "distribution", mirrorBase: BASE, ca: "PEM in state", retrySeconds: 60 } as const;
const PEM = "-----BEGIN CERTIFICATE-----\ntoday\n-----END CERTIFICATE-----\n";
const STORED = { username: "stored", password: "canary-stored" };
const PUSHER = { username: "pusher", password: "canary-pusher" };
const PULLER = { username: "puller", password: "canary-puller" };
const SITE = { registry: { type: "distribution", mirrorBase: BASE, ca: "ca.pem" }, transfer: { retrySeconds: 5 } };
const KEYS = {
    registryUsername: PUSHER.username,
    registryPassword: PUSHER.password,
    pullerUsername: PULLER.username,
    pullerPassword: PULLER.password,
};

const configuration = (site: object, keys: object) => (key: string) => {
    const texts: Record<string, unknown> = { site: JSON.stringify(site), ...keys };
    return texts[key.replace(/^registry-passthrough:/, "")] as string | undefined;
};
function settings(site: object = SITE, keys: object = KEYS): StackSettings {
    return StackSettings.read(configuration(site, keys), (path) => {
        if (path === "ca.pem") return PEM;
        throw new Error(`no ${path}`);
    });
}
const inputs = (changes: object = {}) => ({
    selfUrn: "urn",
    registry: CONNECTION,
    credentials: STORED,
    account: "importer" as const,
    ...changes,
});

test("today's accounts, CA and retry time are used in place of those in state", () => {
    expect(settings().credentials(inputs())).toEqual(PUSHER);
    expect(settings().credentials(inputs({ account: "puller" }))).toEqual(PULLER);
    expect(settings().adminCredentials(inputs({ account: "admin" }))).toEqual(PUSHER);
    expect(settings().registry(inputs())).toMatchObject({
        ca: PEM,
        retrySeconds: 5,
        mirror: { host: "registry.example", prefix: "mirror" },
    });
});

test("what today's configuration does not have, or cannot be read, is as in state; a CA that was removed is not", () => {
    expect(settings(SITE, {}).credentials(inputs())).toEqual(STORED);
    const registry = { type: "distribution", mirrorBase: BASE };
    expect(settings({ registry }).registry(inputs())).not.toHaveProperty("ca");
    expect(settings({ registry: { ...registry, ca: "gone.pem" } }).registry(inputs()).ca).toBe("PEM in state");
    expect(StackSettings.UNKNOWN.registry(inputs())).toMatchObject(CONNECTION);
});

test("today's address for pushes counts, also that there is none any more; at a registry that the site has left, state's", () => {
    const stored = inputs({ registry: { ...CONNECTION, pushHost: "former.example" } });
    const today = (registry: object) => settings({ registry: { ...SITE.registry, ...registry } }).registry(stored);
    expect(today({ pushHost: "push.example" }).pushHost).toBe("push.example");
    expect(today({})).not.toHaveProperty("pushHost");
    expect(today({ mirrorBase: "other.example/mirror", pushHost: "push.example" }).pushHost).toBe("former.example");
    expect(StackSettings.UNKNOWN.registry(stored).pushHost).toBe("former.example");
});

test("with a CA of the site, those of state are trusted, and beside them what the configuration names today", () => {
    const withSiteCa = { ...SITE.registry, certificate: { siteCa: {} } };
    const made = "-----BEGIN CERTIFICATE-----\nmade\n-----END CERTIFICATE-----\n";
    const ofState = (ca: string) => inputs({ registry: { ...CONNECTION, ca } });
    const trusted = (registry: object, ca: string) => settings({ registry }).registry(ofState(ca)).ca;
    expect(trusted(withSiteCa, made)).toBe(`${made}${PEM}`);
    expect(trusted(withSiteCa, `${PEM}${made}`)).toBe(`${PEM}${made}`);
    const { ca: _, ...without } = withSiteCa;
    expect(trusted(without, made)).toBe(made);
    expect(trusted(SITE.registry, made)).toBe(PEM);
});

test("the configured account never takes the place of a robot account's", () => {
    const harbor = { ...SITE.registry, type: "harbor" };
    expect(settings({ registry: harbor }).credentials(inputs())).toEqual(STORED);
    expect(settings({ registry: harbor }).adminCredentials(inputs({ account: "admin" }))).toEqual(PUSHER);
    // Of a type that cannot be read, state knows.
    const unread = settings({ registry: { ...SITE.registry, type: "nexus" } });
    expect(unread.credentials(inputs({ registry: { ...CONNECTION, type: "harbor" } }))).toEqual(STORED);
    expect(unread.credentials(inputs())).toEqual(PUSHER);
});

test("a client certificate and its key are used together: today's, or both of state", async () => {
    const authority = await testAuthority();
    const [today, former] = [await authority.issue(), await authority.issue()];
    const certificate = (file: string) => ({
        registry: { ...SITE.registry, clientCertificate: { certificateFile: file } },
    });
    const read = (site: object, keys: object) =>
        StackSettings.read(configuration(site, keys), (path) => {
            if (path === "client.pem") return today.certificate;
            throw new Error(`no ${path}`);
        }).registry({
            registry: { ...CONNECTION, clientCertificate: former.certificate },
            connectionSecrets: { clientKey: former.key },
        });
    const pair = ({ clientCertificate, secrets }: ReturnType<typeof read>) => [
        clientCertificate?.trim(),
        secrets?.clientKey?.trim(),
    ];
    const ofState = [former.certificate.trim(), former.key.trim()];
    const ofToday = [today.certificate.trim(), today.key.trim()];
    expect(pair(read(certificate("client.pem"), { clientKey: today.key }))).toEqual(ofToday);
    expect(pair(read(certificate("client.pem"), { clientKey: former.key }))).toEqual(ofState);
    expect(pair(read(certificate("gone.pem"), { clientKey: today.key }))).toEqual(ofState);
    expect(pair(read(certificate("client.pem"), {}))).toEqual(ofState);
    expect(pair(read(SITE, {}))).toEqual([undefined, undefined]);
});

test("a registry that the site has left gets neither today's account nor today's CA", () => {
    const moved = settings({ registry: { ...SITE.registry, mirrorBase: "elsewhere.example/mirror" } });
    expect(moved.hasMoved(CONNECTION)).toBe(true);
    expect(moved.credentials(inputs())).toEqual(STORED);
    expect(moved.adminCredentials(inputs({ account: "admin" }))).toEqual(STORED);
    expect(moved.registry(inputs()).ca).toBe("PEM in state");
    expect(settings().hasMoved(CONNECTION)).toBe(false);
    expect(
        settings().hasMoved({ ...CONNECTION, mirrorBase: BASE.replace(/^[^/]+/, (host) => host.toUpperCase()) }),
    ).toBe(false);
    expect(StackSettings.UNKNOWN.hasMoved(CONNECTION)).toBe(false);
});

test("every secret of the configuration is known, also as a header has it", () => {
    const texts = settings(SITE, { ...KEYS, superuserPassword: "canary-super" }).secretTexts();
    const basic = Buffer.from(`${PUSHER.username}:${PUSHER.password}`).toString("base64");
    expect(texts).toEqual(expect.arrayContaining([PUSHER.password, PULLER.password, "canary-super", basic]));
});

test("a process of another program takes no configuration: it may have several sites", () => {
    const read = configuration(SITE, KEYS);
    const other = new RegistryProcess({ followsConfiguration: false });
    other.configure(read);
    expect(other.settings.credentials(inputs())).toEqual(STORED);
    const own = new RegistryProcess({ followsConfiguration: true });
    own.configure(read);
    expect(own.settings.credentials(inputs())).toEqual(PUSHER);
});

test("what is removed goes by today's rule, then by state's; at a registry that the site has left it stays", () => {
    const stored = { registry: CONNECTION, onRemove: "delete" } as const;
    expect(settings({ ...SITE, onRemove: "keep" }).removalRule(stored)).toBe("keep");
    expect(settings({ ...SITE, onRemove: "delete" }).removalRule({ registry: CONNECTION })).toBe("delete");
    expect(StackSettings.UNKNOWN.removalRule(stored)).toBe("delete");
    expect(StackSettings.UNKNOWN.removalRule({ registry: CONNECTION })).toBe("keep");
    const left = { ...CONNECTION, mirrorBase: "other.example/mirror" };
    expect(settings({ ...SITE, onRemove: "delete" }).removalRule({ ...stored, registry: left })).toBe("keep");
});

test("what a rotation does is as today's configuration says for the role, else as in state", () => {
    const inPlace = settings({ ...SITE, robots: { puller: { rotation: "in-place" } } });
    expect(inPlace.rotatesInPlace({ role: "puller" })).toBe(true);
    expect(inPlace.rotatesInPlace({ role: "importer", rotation: "in-place" })).toBe(false);
    expect(settings().rotatesInPlace({ role: "puller", rotation: "in-place" })).toBe(false);
    expect(StackSettings.UNKNOWN.rotatesInPlace({ role: "puller", rotation: "in-place" })).toBe(true);
    expect(StackSettings.UNKNOWN.rotatesInPlace({ role: "puller" })).toBe(false);
});

test("the login of an archive's host is today's: its file, or the secret of the stack", () => {
    const host = { address: "registry.example", hostKey: "ssh-ed25519 AAAA", privateKeyFile: "/key" };
    const configured = configuration(
        { content: [{ at: { host } }] },
        { hostPrivateKey: "of the stack\n", hostPassphrase: "open" },
    );
    const settings = StackSettings.read(configured, () => "-----BEGIN KEY-----\nof a file\n");
    expect(settings.archiveHostLogin(undefined)).toEqual({ privateKey: "of the stack\n", passphrase: "open" });
    expect(settings.secretTexts()).toEqual(expect.arrayContaining([expect.stringContaining("of a file"), "open"]));
    expect(() => StackSettings.UNKNOWN.archiveHostLogin(undefined)).toThrow(/hostPrivateKey.*it is not set/s);
    const file = join(mkdtempSync(join(tmpdir(), "key-")), "key");
    writeFileSync(file, " \n");
    expect(() => settings.archiveHostLogin(file)).toThrow(/it is empty/);
});
