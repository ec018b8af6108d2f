import { X509Certificate, createPrivateKey } from "node:crypto";
import { writeFileSync } from "node:fs";
import { acmeAccountProvider } from "../../dynamic-providers/acme-account/provider";
import type { AcmeCertificateInputs } from "../../dynamic-providers/acme-certificate/kind";
import { acmeCertificateProvider as provider } from "../../dynamic-providers/acme-certificate/provider";
import { type RegistryContext, RegistryProcess } from "../../dynamic-providers/registry/registry-process";
import { registerAccount } from "../../lib/acme/account";
import { newAccountKey } from "../../lib/acme/jws";
import { certificateBlocks } from "../../lib/http/certificates";
import { AcmeTestServer, EXTERNAL } from "../support/acme-server";
import { type TestAuthority, testAuthority } from "../support/certificates";
import { ManualClock } from "../support/manual-clock";
import { operationContext } from "../support/operation-context";

const DAY = 24 * 3600 * 1000;
const { signal } = new AbortController();
let authority: TestAuthority;
let server: AcmeTestServer;
let account: { url: string; key: string };

beforeAll(async () => {
    authority = await testAuthority();
    server = await AcmeTestServer.start(authority);
    account = await registerAccount(server, { key: newAccountKey(), email: "registry@site-a.example" }, signal);
});
afterAll(() => server.stop());

function context(lines: string[] = [], now = Date.now()): RegistryContext {
    const clock = new ManualClock(now);
    clock.onSleep = () => new Promise((resolve) => setImmediate(resolve));
    return { ...operationContext(lines), process: new RegistryProcess({ followsConfiguration: false, clock }) };
}

let sites = 0;

/** For hosts of their own: the server may remember what it has authorized. */
function inputsOf(changes: Partial<AcmeCertificateInputs> = {}): AcmeCertificateInputs {
    const site = `site-${++sites}.example`;
    return {
        selfUrn: "urn",
        ...{ directory: server.directory, ca: server.ca, account: account.url, accountKey: account.key },
        ...{ hosts: [`registry.${site}`, `push.${site}`], challenge: "dns-01" },
        command: [server.program],
        ...changes,
    };
}

/** As the engine checks them. */
function checked(inputs: AcmeCertificateInputs, olds: Partial<AcmeCertificateInputs> = {}, own = context()) {
    return provider.normalizeInputs?.(olds, inputs, own) ?? inputs;
}

test.each(["dns-01", "http-01"] as const)(
    "%s is answered for every host by the command, and taken away again",
    async (challenge) => {
        const before = server.calls().length;
        const { outs } = await provider.create(checked(inputsOf({ challenge })), context());
        const [leaf = ""] = certificateBlocks(outs.chain);
        const certificate = new X509Certificate(leaf);
        for (const host of outs.hosts) expect(certificate.checkHost(host)).toBe(host);
        expect(certificate.checkPrivateKey(createPrivateKey(outs.key))).toBe(true);
        expect(certificateBlocks(outs.chain).length).toBeGreaterThan(1);
        expect(Date.parse(outs.notAfter) - Date.parse(outs.notBefore)).toBeGreaterThan(89 * DAY);
        const calls = server
            .calls()
            .slice(before)
            .map((line) => line.replace(/[^/]*$/, (end) => (challenge === "http-01" ? "" : end)));
        const place = (host: string) =>
            challenge === "dns-01" ? `_acme-challenge.${host}.` : `http://${host}/.well-known/acme-challenge/`;
        expect(calls.sort()).toEqual(
            outs.hosts.flatMap((host) => ["cleanup", "present"].map((step) => `${step} ${place(host)}`)).sort(),
        );
    },
);

test("an address is certified too (http-01), and the chain is the one that clusters trust", async () => {
    const root = await server.root(1);
    const inputs = inputsOf({ hosts: ["127.0.0.1"], challenge: "http-01", trusted: root });
    const { outs } = await provider.create(checked(inputs), context());
    const blocks = certificateBlocks(outs.chain).map((block) => new X509Certificate(block));
    expect(blocks[0]?.checkIP("127.0.0.1")).toBe("127.0.0.1");
    expect(blocks.some((one) => one.verify(new X509Certificate(root).publicKey))).toBe(true);
    await expect(provider.create(checked(inputsOf({ trusted: authority.ca })), context())).rejects.toThrow(
        /ACME_REFUSED.*issued by CN=Pebble Intermediate.* by no CA in site\.registry\.ca/,
    );
});

test("it is replaced by the first up after two thirds of its life, as a preview says; if that fails, it stays while it is valid", async () => {
    const inputs = inputsOf();
    const { outs } = await provider.create(checked(inputs), context());
    const at = (days: number) => Date.parse(outs.notBefore) + days * DAY;
    // A check has no outputs: a refresh notes them.
    const noted = (await provider.read(outs, context())).inputs;
    const preview = async (days: number, news = inputs) => {
        const lines: string[] = [];
        const own = context(lines, at(days));
        const next = checked(news, noted, own);
        await provider.describeChanges?.(noted, next, own);
        return { ...provider.compare(outs, next), lines, next };
    };
    expect(await preview(1)).toMatchObject({ changes: false, lines: [] });
    expect(await preview(50)).toMatchObject({
        changes: false,
        lines: [expect.stringMatching(/the first `up` from 20.* replaces it/)],
    });
    const due = await preview(62);
    expect(due).toMatchObject({
        changes: true,
        lines: [expect.stringMatching(/ordered .* again: two thirds of its life are over/)],
    });
    // Without a refresh, state alone says it.
    expect(provider.compare(outs, checked(inputs, {}, context([], at(62))))).toEqual({ changes: true });

    const lines: string[] = [];
    const away = { ...due.next, account: "https://localhost/unknown" };
    const kept = await provider.update(outs, away, context(lines, at(62)));
    expect(kept).toBe(outs);
    expect(lines.join()).toMatch(/stays for now: it is valid until 20.*ACME_REFUSED/);
    await expect(provider.update(outs, away, context([], at(91)))).rejects.toThrow(/ACME_REFUSED/);
    const moved = { ...away, hosts: ["other.site-a.example"] };
    await expect(provider.update(outs, moved, context([], at(1)))).rejects.toThrow(/ACME_REFUSED/);
    const renewed = await provider.update(outs, due.next, context([], at(62)));
    expect(renewed.chain).not.toBe(outs.chain);
    expect(renewed.key).not.toBe(outs.key);

    const warned: string[] = [];
    await provider.read(outs, context(warned, at(70)));
    expect(warned.join()).toMatch(/expires on 20.*`npm run up` replaces it/);
});

test.each([
    ["a host that the server does not issue for", { hosts: ["blocked.example"] }, /ACME_REFUSED.*rejectedIdentifier/],
    ["a challenge that nothing answers", { command: undefined }, /ACME_REFUSED.*wants dns-01 .* name a program/],
    ["an answer that is not where the server looks", { command: ["true"] }, /ACME_REFUSED.*unauthorized/],
    [
        "a command that fails",
        { command: ["false"] },
        /ACME_COMMAND_FAILED.*false present _acme-challenge\..*ended with 1/,
    ],
    ["a command that is not there", { command: ["/no/such/program"] }, /ACME_COMMAND_FAILED.*cannot be run/],
    [
        "an address with dns-01",
        { hosts: ["127.0.0.2"] },
        /ACME_REFUSED.*does not offer dns-01 for 127\.0\.0\.2, but: (http|tls-alpn)-01/,
    ],
    ["a server of an unknown CA", { ca: undefined }, /ACME_UNREACHABLE.*localhost:.*certificate/],
    ["an account that it does not know", { account: "https://localhost/other" }, /ACME_REFUSED/],
])("%s is refused with the reason", async (_, changes, message) => {
    const inputs = inputsOf(changes as Partial<AcmeCertificateInputs>);
    await expect(provider.create(checked(inputs), context())).rejects.toThrow(message);
});

test("a directory that is none is named", async () => {
    const inputs = inputsOf({ directory: server.directory.replace("/dir", "/nothing") });
    await expect(provider.create(checked(inputs), context())).rejects.toThrow(
        /ACME_UNREACHABLE: https:.*: the ACME server cannot be used: the answer \(404\) is no directory of RFC 8555/,
    );
});

test("a server that binds accounts gets the external one, and one that trusts them needs no command", async () => {
    const binding = await AcmeTestServer.start(authority, { bindsAccounts: true, trustsAccounts: true });
    try {
        const args = { selfUrn: "urn", directory: binding.directory, ca: binding.ca };
        await expect(acmeAccountProvider.create(args, context())).rejects.toThrow(
            /ACME_REFUSED.*externalAccountRequired/,
        );
        const wrong = { ...EXTERNAL, macKey: EXTERNAL.macKey.replace("z", "y") };
        await expect(acmeAccountProvider.create({ ...args, external: wrong }, context())).rejects.toThrow(
            /ACME_REFUSED/,
        );
        const { outs } = await acmeAccountProvider.create({ ...args, external: EXTERNAL }, context());
        expect(acmeAccountProvider.compare(outs, { ...args, external: wrong })).toEqual({ changes: false });
        const changed = await acmeAccountProvider.update(outs, { ...args, email: "other@site-a.example" }, context());
        expect(changed).toMatchObject({ url: outs.url, key: outs.key, email: "other@site-a.example" });
        writeFileSync(binding.program, "#!/bin/sh\n");
        const inputs = inputsOf({
            directory: binding.directory,
            account: outs.url,
            accountKey: outs.key,
            command: [binding.program],
        });
        expect((await provider.create(checked(inputs), context())).outs.chain).toContain("BEGIN CERTIFICATE");
    } finally {
        await binding.stop();
    }
});
