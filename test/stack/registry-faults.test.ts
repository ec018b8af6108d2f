import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { testAuthority } from "../support/certificates";
import { RegistryProcess, freePort } from "../support/registry-process";
import { isUploadPost } from "../support/faults/fault";
import { FaultProxy } from "../support/faults/fault-proxy";
import { AMID_UPLOADS, PausingProxy } from "../support/pausing-proxy";
import { ACCOUNT, FIXTURES, TestSite } from "../support/site";

jest.setTimeout(300_000);

let site: TestSite;
let proxy: PausingProxy | undefined;

beforeAll(async () => {
    site = await TestSite.create(join(FIXTURES, "with-mapping"));
});

afterAll(async () => {
    await proxy?.stop();
    await site.remove();
});

afterEach(() => {
    expect(site.stack.printed).not.toContain(ACCOUNT.password);
});

/** `up` must fail with every one of the texts, leave nothing at the registry, and keep no resource of ours. */
async function fails(...texts: string[]): Promise<void> {
    const up = await site.stack.up();
    expect(up.code).toBe(1);
    for (const text of texts) expect(up.text).toContain(text);
    expect(site.registry.writes()).toEqual([]);
    expect(await site.stack.state()).not.toContain("dynamic/registry-passthrough:ImageImport");
}

test("a wrong password is refused by name of the account, with the cure", async () => {
    await site.stack.setConfig("registryPassword", "not-the-password", true);
    await fails(`the registry rejected the account ${ACCOUNT.username}`, "set registryUsername and registryPassword");
    await site.stack.setConfig("registryPassword", ACCOUNT.password, true);
});

test("a certificate of an unknown CA is not trusted", async () => {
    const stranger = join(site.folder, "stranger.crt");
    writeFileSync(stranger, (await testAuthority("Stranger")).ca);
    site.stack.configure(site.document({ registry: { ca: stranger } }));
    await fails(`TLS at ${site.registry.host}: GET /v2/: the TLS certificate cannot be trusted`, "site.registry.ca");
});

test("an expired certificate is not trusted", async () => {
    const expired = await RegistryProcess.start({
        tls: await site.authority.issue({ daysLeft: -1 }),
        account: ACCOUNT,
    });
    site.stack.configure(site.document({ registry: { mirrorBase: `${expired.host}/mirror` } }));
    await fails("CERT_HAS_EXPIRED", "renew the registry's certificate");
    await expired.stop();
});

test("a certificate for another name is not trusted", async () => {
    const tls = await site.authority.issue({ names: ["registry.example"] });
    const other = await RegistryProcess.start({ tls, account: ACCOUNT });
    site.stack.configure(site.document({ registry: { mirrorBase: `${other.host}/mirror` } }));
    await fails("ERR_TLS_CERT_ALTNAME_INVALID", "use a host name the certificate is made for");
    await other.stop();
});

test("a registry that cannot be reached is said so, with where it was sought", async () => {
    const host = `localhost:${await freePort()}`;
    site.stack.configure(site.document({ registry: { mirrorBase: `${host}/mirror` } }));
    await fails(`NETWORK at ${host}: GET /v2/: no connection (ECONNREFUSED)`, "check that the registry runs");
});

test("an upload URL without its port ends the first up before a byte of a blob is sent, with the proxy's setting", async () => {
    const front = await FaultProxy.start(site.registry.port, await site.authority.issue(), site.authority.ca);
    front.script = (asked) =>
        isUploadPost(asked)
            ? { kind: "rewrite-head", headers: { location: (location) => location.replace(/:\d+\//, "/") } }
            : undefined;
    try {
        site.stack.configure(site.document({ registry: { mirrorBase: `${front.host}/mirror` } }));
        const up = await site.stack.up();
        expect(up.code).toBe(1);
        expect(up.text).toContain(`UPLOAD_URL_UNREACHABLE at ${front.host}`);
        expect(up.text).toContain("proxy_set_header Host $http_host");
        expect(front.payload()).toBe(0);
        expect(front.passed.filter(isUploadPost)).toHaveLength(1);
    } finally {
        await front.stop();
    }
    expect((await site.stack.destroy()).code).toBe(0);
    site.registry.forget();
});

test("a registry killed in the middle of uploads ends the run; once it is back the next up completes", async () => {
    proxy = await PausingProxy.start(site.registry.port, AMID_UPLOADS);
    site.stack.configure(site.document({ registry: { mirrorBase: `${proxy.host}/mirror` } }));
    const { done } = site.stack.startUp();
    await proxy.paused;
    await site.registry.kill();
    proxy.resume();
    const up = await done;
    expect(up.code).toBe(1);
    expect(up.text).toMatch(/NETWORK at localhost:\d+: .*no connection/);
    expect(up.text).toContain("the next `npm run up` imports the rest");
    expect(up.text).toContain("error: 1 error occurred:");
    expect(up.text.split("an earlier error stopped the run").length).toBeLessThanOrEqual(2);

    await site.registry.restart();
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    expect((await site.stack.outputs()).validation).toMatchObject({ status: "proven", images: 6 });
});

test("a rotated password needs nothing but the new one in the configuration", async () => {
    const rotated = "another-canary-81b2";
    site.registry.setPassword(ACCOUNT.username, rotated);
    const refused = await site.stack.up();
    expect(refused.code).toBe(1);
    expect(refused.text).toContain(`the registry rejected the account ${ACCOUNT.username}`);
    await site.stack.setConfig("registryPassword", rotated, true);
    site.registry.forget();
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    expect(site.registry.writes()).toEqual([]);
    expect(site.stack.printed).not.toContain(rotated);
});

test("a CA that was replaced, and a registry that moved, need nothing but today's configuration", async () => {
    const site = await TestSite.create(join(FIXTURES, "incremental/1"));
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    const renewed = await testAuthority("Renewed CA");
    await site.registry.serveWith(await renewed.issue());
    writeFileSync(join(site.folder, "ca.crt"), renewed.ca);
    expect(await site.stack.up()).toMatchObject({ code: 0 });

    await site.registry.kill();
    const moved = await RegistryProcess.start({ tls: await renewed.issue(), account: ACCOUNT });
    site.stack.configure(site.document({ registry: { mirrorBase: `${moved.host}/mirror` } }));
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    expect((await site.stack.outputs()).validation).toMatchObject({ status: "proven", images: 2 });
    await moved.stop();
    await site.remove();
});
