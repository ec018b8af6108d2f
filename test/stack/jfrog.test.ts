import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CommandLines, leaks } from "../support/canary";
import { ADMIN, JFrogSite } from "../support/jfrog/jfrog-site";
import type { Platform } from "../support/jfrog/model";
import type { TestStack } from "../support/stack";

jest.setTimeout(600_000);

let site: JFrogSite;
let stack: TestStack;
let platform: Platform;
let commandLines: CommandLines;
const eventLog = () => join(site.folder, "first.events.json");

beforeAll(async () => {
    commandLines = new CommandLines();
    site = await JFrogSite.create();
    ({ platform } = site.fake);
    stack = await site.stack();
});

afterAll(async () => {
    commandLines.stop();
    await site.remove();
});

const robots = () => platform.tokens.map(({ username }) => username).sort();
const anonymously = (writes: readonly string[]) =>
    writes.map((write) => write.replace(/[0-9a-f-]{36}$/, "N").replace(/^(\S+) \/(?:access|artifactory)\/api/, "$1 "));

test("up creates the repository and two robot accounts, imports and proves the images, and never with the admin", async () => {
    const { fake } = site;
    const first = await stack.up("--debug", "--event-log", eventLog());
    expect(first).toMatchObject({ code: 0 });
    expect(first.text).toContain("never tried with a real Artifactory");
    expect(platform.repositories.get("mirror")).toMatchObject({ rclass: "local", packageType: "docker" });
    expect(robots()).toEqual(["mirror-importer-1", "mirror-puller-1"]);
    expect(platform.rights("mirror-importer-1")).toEqual(["READ", "ANNOTATE", "WRITE", "DELETE"]);
    expect(platform.rights("mirror-puller-1")).toEqual(["READ"]);
    expect(anonymously(fake.writes()).sort()).toEqual([
        "POST /v1/tokens",
        "POST /v1/tokens",
        "POST /v2/groups",
        "POST /v2/groups",
        "POST /v2/permissions",
        "POST /v2/permissions",
        "PUT /repositories/mirror",
    ]);
    const pushers = fake.content.filter(({ method }) => method === "PUT").map(({ username }) => username);
    expect(new Set(pushers)).toEqual(new Set(["mirror-importer-1"]));
    expect(fake.content.filter(({ username }) => username === ADMIN.username)).toEqual([]);
    const outputs = await stack.outputs();
    expect(outputs.validation).toMatchObject({ status: "proven", images: 6 });
    const { auths } = JSON.parse(outputs.pullSecret as string) as { auths: Record<string, { auth: string }> };
    const login = Buffer.from(auths[fake.host]?.auth ?? "", "base64").toString();
    expect(login).toBe(`mirror-puller-1:${platform.token("mirror-puller-1").secret}`);
});

test("after up there is nothing to do", async () => {
    expect(await stack.preview("--expect-no-changes")).toMatchObject({ code: 0 });
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("what somebody changed is drift, and the next up puts just that right", async () => {
    const { fake } = site;
    const repository = platform.repositories.get("mirror");
    if (repository !== undefined) repository.settings = { ...repository.settings, maxUniqueTags: 3 };
    platform.setRights("mirror-puller-1", ["READ", "WRITE"]);
    platform.permissions.delete("mirror-importer-1");
    const drift = await stack.refreshPreview("--expect-no-changes");
    expect(drift.code).toBe(7);
    expect(drift.text).toContain("maxUniqueTags: 3 -> 0");
    expect(drift.text).toContain("it may also WRITE in mirror");
    expect(drift.text).toContain("the permission mirror-importer-1 does not exist");
    fake.requests.length = 0;
    expect(await stack.up()).toMatchObject({ code: 0 });
    expect(anonymously(fake.writes()).sort()).toEqual([
        "POST /repositories/mirror",
        "POST /v2/permissions",
        "PUT /v2/permissions/mirror-puller-1/artifact",
    ]);
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("accounts past two thirds of their time are replaced: the importer's old one goes, the puller's stays for its overlap", async () => {
    const { fake } = site;
    platform.age("mirror-importer-1", 21);
    platform.age("mirror-puller-1", 61);
    fake.content.length = 0;
    const up = await stack.up();
    expect(up).toMatchObject({ code: 0 });
    expect(up.text).toContain("importer-1 -> importer-2");
    expect(robots()).toEqual(["mirror-importer-2", "mirror-puller-1", "mirror-puller-2"]);
    expect([...platform.groups.keys()].sort()).toEqual(robots());
    expect([...platform.permissions.keys()].sort()).toEqual(robots());
    // The proof of the new account: a manifest that is there, again.
    expect(fake.content.filter(({ method }) => method !== "GET" && method !== "HEAD")).toEqual([
        { method: "PUT", path: expect.stringMatching(/\/manifests\/sha256:/) as string, username: "mirror-importer-2" },
    ]);
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("a token that somebody revoked is drift, and the next up creates a new account", async () => {
    platform.revoke(platform.token("mirror-importer-2").id);
    site.fake.mint.expireAll();
    const drift = await stack.refreshPreview("--expect-no-changes");
    expect(drift.code).toBe(7);
    expect(drift.text).toContain("mirror-importer-2: the registry no longer accepts its secret");
    expect(await stack.up()).toMatchObject({ code: 0 });
    expect(robots()).toEqual(["mirror-importer-3", "mirror-puller-1", "mirror-puller-2"]);
    expect([...platform.groups.keys()].sort()).toEqual(robots());
    expect((await stack.outputs()).validation).toMatchObject({ status: "proven" });
});

test("no secret is in state, in what was printed, in an event log, in a URL or in the arguments of a process", async () => {
    const places = {
        state: await stack.state(),
        "what was printed": stack.printed,
        "the event log of the first run": readFileSync(eventLog(), "utf8"),
        "a URL": site.fake.urls.join("\n"),
        "an argument of a process": [...commandLines.seen].join("\n"),
    };
    const canaries = [
        ADMIN,
        ...[...platform.everyToken.values()].map(({ username, secret }) => ({ username, password: secret })),
    ];
    expect(canaries.length).toBeGreaterThan(8);
    expect(leaks(canaries, places)).toEqual([]);
    for (const text of Object.values(places)) expect(text).toMatch(/mirror|pulumi up --yes/);
    const opened = await stack.state("--show-secrets");
    const live = platform.tokens.map(({ username, secret }) => ({ username, password: secret }));
    // Of the retired puller state has only the id.
    expect(leaks(live, { opened })).toHaveLength(live.length - 1);
});

test("destroy with onRemove: delete removes images, robot accounts and the repository", async () => {
    stack.configure(site.document({}, { onRemove: "delete" }));
    expect(await stack.up()).toMatchObject({ code: 0 });
    site.fake.content.length = 0;
    expect(await stack.destroy()).toMatchObject({ code: 0 });
    const deletions = site.fake.content.filter(({ method }) => method === "DELETE");
    expect(deletions.length).toBeGreaterThan(5);
    expect(new Set(deletions.map(({ username }) => username))).toEqual(new Set(["mirror-importer-3"]));
    expect([robots(), [...platform.groups.keys()], [...platform.permissions.keys()]]).toEqual([[], [], []]);
    expect(platform.repositories.size).toBe(0);
});

test("with a token: a repository of others needs adopt, and stays when the stack goes", async () => {
    platform.repositories.set("mirror", { key: "mirror", rclass: "local", packageType: "docker", settings: {} });
    const { secret } = platform.addToken("admin", "applied-permissions/admin", 0);
    const other = await site.stack({}, secret);
    const refused = await other.up();
    expect(refused.code).toBe(1);
    expect(refused.text).toContain("NAMESPACE_EXISTS: the local repository mirror: it already exists");
    other.configure(site.document({ adopt: true }, { onRemove: "delete" }));
    // Before there are robot accounts it reads as the user whose the token is.
    expect(await other.passthrough("plan")).toMatchObject({ code: 0 });
    expect(site.fake.content.at(-1)?.username).toBe("admin");
    expect(await other.up()).toMatchObject({ code: 0 });
    expect(await other.passthrough("doctor")).toMatchObject({ code: 0 });
    expect(await other.passthrough("selftest")).toMatchObject({ code: 0 });
    expect(await other.destroy()).toMatchObject({ code: 0 });
    expect(robots()).toEqual(["admin"]);
    expect(platform.repositories.size).toBe(1);
    expect(leaks([{ username: "admin", password: secret }], { printed: other.printed })).toEqual([]);
});
