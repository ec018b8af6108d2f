import { join } from "node:path";
import { RegistryProcess } from "../support/registry-process";
import { ACCOUNT, FIXTURES, TestSite } from "../support/site";

jest.setTimeout(300_000);

const READER = { username: "reader", password: "canary-reader-81c2" } as const;

let site: TestSite;
/** What clusters pull from: the same content, read-only, with an account of its own. */
let pulls: RegistryProcess;

beforeAll(async () => {
    site = await TestSite.create(join(FIXTURES, "incremental/1"));
    const tls = await site.authority.issue();
    pulls = await RegistryProcess.start({ tls, account: READER, readOnlyCopyOf: site.registry });
});

afterAll(async () => {
    await pulls.stop();
    await site.remove();
});

const document = (registry: object = {}) =>
    site.document({
        registry: { mirrorBase: `${pulls.host}/mirror`, pushHost: site.registry.host, ...registry },
        onRemove: "delete",
    });

test("images are pushed to and removed at the address for pushes, and proven at the read-only one that clusters know", async () => {
    const { stack, registry } = site;
    stack.configure(document());
    await stack.setConfig("pullerUsername", READER.username, false);
    await stack.setConfig("pullerPassword", READER.password, true);
    const first = await stack.up();
    expect(first).toMatchObject({ code: 0 });
    expect(first.text).not.toContain("cannot separate push from pull");
    expect(registry.writes()).not.toEqual([]);
    expect(pulls.writes()).toEqual([]);
    const outputs = await stack.outputs();
    expect(outputs.validation).toMatchObject({ status: "proven" });
    expect(outputs.mirrorBase).toBe(`${pulls.host}/mirror`);
    expect([outputs.pushSecret, outputs.pullSecret].map(loginHosts)).toEqual([[registry.host], [pulls.host]]);

    pulls.forget();
    registry.forget();
    expect(await stack.up("--expect-no-changes")).toMatchObject({ code: 0 });
    expect(registry.accesses().length).toBeGreaterThan(0);
    expect(pulls.accesses().length).toBeGreaterThan(0);

    // Each command asks where its account is for.
    const commands = [await stack.passthrough("doctor"), await stack.passthrough("verify")];
    expect(commands).toMatchObject([{ code: 0 }, { code: 0 }]);
    expect(commands[0]?.error).toContain(`checking ${registry.host} as ${ACCOUNT.username}`);
    expect(await stack.passthrough("selftest")).toMatchObject({ code: 0 });
    expect(pulls.writes()).toEqual([]);

    expect(await stack.destroy()).toMatchObject({ code: 0 });
    expect(registry.writes().some(({ method }) => method === "DELETE")).toBe(true);
    expect(pulls.writes()).toEqual([]);
});

function loginHosts(secret: unknown): string[] {
    return Object.keys((JSON.parse(String(secret)) as { auths: object }).auths);
}
