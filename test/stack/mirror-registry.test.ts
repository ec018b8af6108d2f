import { OWNER } from "../support/quay/account";
import { QuaySite } from "../support/quay/quay-site";
import { html } from "../support/quay/reply";
import type { TestStack } from "../support/stack";

jest.setTimeout(300_000);

const SUPERUSER = "canary-superuser-90fe";
let site: QuaySite;
let stack: TestStack;
let token: string;

beforeAll(async () => {
    site = await QuaySite.create("mirror-registry");
    token = site.quay.model.addGrant(OWNER.username, ["org:admin", "repo:admin", "user:admin"]);
    stack = await site.stack({}, token);
    await stack.setConfig("superuserPassword", SUPERUSER, true);
});

afterAll(async () => {
    expect(site.quay.strange).toEqual([]);
    await site.remove();
});

test("up with a token, while SQLite is locked time and again, brings everything and takes the free superuser's name", async () => {
    let writes = 0;
    site.quay.fault = (method, path) => {
        if (method === "GET" || !path.startsWith("/api/v1/")) return undefined;
        return ++writes % 4 === 0 ? html(500, "Internal Server Error") : undefined;
    };
    const up = await stack.up();
    site.quay.fault = undefined;
    expect(up).toMatchObject({ code: 0 });
    expect(up.text).toContain("no account has the user name admin");
    expect((await stack.outputs()).validation).toMatchObject({ status: "proven", images: 6 });
    expect(site.quay.model.users.get("admin")?.password).toBe(SUPERUSER);
    const organization = site.quay.model.organizations.get("mirror");
    expect([...(organization?.robots.keys() ?? [])].sort()).toEqual(["importer-1", "puller-1"]);
    expect(organization?.prototypes).toHaveLength(2);
    expect(site.quay.accesses.some(({ path }) => path === "/api/v1/signin")).toBe(false);
});

test("then there is nothing to do, what stays open is told, and no secret is in the clear", async () => {
    const again = await stack.refreshPreview("--expect-no-changes");
    expect(again).toMatchObject({ code: 0 });
    expect(again.text).toContain("anybody who reaches the registry may register an account");
    expect(again.text).not.toContain("no account has the user name admin");
    const state = await stack.state();
    for (const secret of [token, SUPERUSER]) {
        expect(state).not.toContain(secret);
        expect(stack.printed).not.toContain(secret);
    }
});

test("a superuser's name that is free again is drift, and the next up registers it again", async () => {
    site.quay.model.users.delete("admin");
    const drift = await stack.refreshPreview("--expect-no-changes");
    expect(drift.code).toBe(7);
    expect(drift.text).toContain("the user name admin is free; the next `npm run up` registers it again");
    expect(await stack.up()).toMatchObject({ code: 0 });
    expect(site.quay.model.users.get("admin")?.password).toBe(SUPERUSER);
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("an expired token fails a refresh, although Quay answers it with an empty organization", async () => {
    const before = await stack.state();
    site.quay.model.grants.delete(token);
    const refused = await stack.refreshPreview("--expect-no-changes");
    expect(refused.code).toBe(1);
    expect(refused.text).toMatch(/organization mirror: the account .*does not administer it/);
    expect(refused.text).toContain("registryToken");
    expect(await stack.state()).toBe(before);
});
