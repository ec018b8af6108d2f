import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { executePlan, planImport } from "../../lib/import";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import type { DesiredRobot, RobotAdmin } from "../../lib/registries";
import { MemoryImageSet } from "../support/image-set";
import type { Reply } from "../support/jfrog/exchange";
import type { FakeJFrog } from "../support/jfrog/fake-jfrog";
import { ADMIN, ManagedJFrog } from "../support/jfrog/managed-jfrog";
import type { OpenAnswers, Platform } from "../support/jfrog/model";
import { html } from "../support/managed-fake";

const PUSH: DesiredRobot = {
    name: "importer-1",
    namespace: "mirror",
    right: "push",
    description: "registry-passthrough test importer (a1b2c3d4)",
    days: 30,
};
const PULL: DesiredRobot = {
    ...PUSH,
    name: "puller-1",
    right: "pull",
    description: "registry-passthrough test puller (a1b2)",
};
const OTHER = { ...PUSH, description: "registry-passthrough test importer (other)" };
const NAME = "mirror-importer-1";

let on: ManagedJFrog;
let fake: FakeJFrog;
let platform: Platform;

beforeEach(async () => {
    on = await ManagedJFrog.start();
    ({ fake } = on);
    ({ platform } = fake);
    await on.managing(({ namespaces }) => namespaces.create({ name: "mirror" }));
});

afterEach(() => on.stop());

const robots = <T>(use: (admin: RobotAdmin) => Promise<T>, credentials?: typeof ADMIN) =>
    on.managing((management) => use(management.robots), credentials === undefined ? {} : { credentials });

async function created(desired = PUSH) {
    const made = await robots((admin) => admin.create(desired));
    if (made === undefined) throw new Error("not created");
    return { ...made, read: () => robots((admin) => admin.read(made.robot, desired, made.credentials)) };
}

const OPEN: readonly (readonly [string, Partial<OpenAnswers>])[] = [
    ["a duplicate is 409 and a creation 201 with a body", {}],
    ["a duplicate is 400", { duplicate: 400 }],
    ["a creation is 200 without a body", { permissionCreated: { status: 200, hasBody: false } }],
    ["what does not exist has a code of another name", { absenceCode: "ENTITY" }],
    ["a group's token may not read the version", { groupReadsVersion: false }],
    ["the list of tokens has no filter", { filtersTokens: false }],
];

test.each(OPEN)("where %s: created, proven, read, narrowed in place, removed twice", async (_, open) => {
    Object.assign(platform.open, open);
    const { robot, credentials, read } = await created();
    expect(credentials.username).toBe(NAME);
    expect(robot).toMatchObject({ username: NAME, expiresAt: expect.any(String) as string });
    expect(Date.parse(robot.expiresAt ?? "") - Date.parse(robot.createdAt)).toBe(30 * 86_400_000);
    expect(platform.rights(NAME)).toEqual(["READ", "ANNOTATE", "WRITE", "DELETE"]);
    expect(platform.token(NAME).scope).toBe(`applied-permissions/groups:${NAME}`);
    expect(await read()).toEqual({ robot, differences: [], isAccepted: true });
    const narrower: DesiredRobot = { ...PUSH, right: "pull" };
    const differences = (await robots((admin) => admin.read(robot, narrower, credentials)))?.differences;
    expect(differences).toEqual(["it may also ANNOTATE, DELETE, WRITE in mirror"]);
    await robots((admin) => admin.update(robot, narrower));
    expect(platform.rights(NAME)).toEqual(["READ"]);
    for (let time = 0; time < 2; time++) await robots((admin) => admin.remove(robot, PUSH));
    expect(await read()).toBeUndefined();
    expect([platform.groups.size, platform.permissions.size]).toEqual([0, 0]);
});

test("a creation asks for the group once", async () => {
    await created();
    expect(fake.requests.filter((request) => request === `GET /access/api/v2/groups/${NAME}`)).toHaveLength(1);
});

test("with a password, each operation has a token of its own that is revoked after it", async () => {
    await robots((admin) => admin.create(PUSH), ADMIN);
    expect(platform.tokens.map(({ username }) => username)).toEqual(["admin", NAME]);
    expect([...platform.everyToken.values()].filter(({ description }) => description.endsWith(" run"))).toHaveLength(1);
});

test("what somebody widened, narrowed or took away is found, and put right with the same secret", async () => {
    const { robot, credentials, read } = await created(PULL);
    const name = "mirror-puller-1";
    platform.setRights(name, ["READ", "MANAGE"]);
    expect((await read())?.differences).toEqual(["it may also MANAGE in mirror"]);
    platform.setRights(name, []);
    expect((await read())?.differences).toEqual(["it may not READ in mirror"]);
    await robots((admin) => admin.update(robot, PULL));
    expect(platform.rights(name)).toEqual(["READ"]);
    expect(await robots((admin) => admin.read(robot, PULL, credentials))).toEqual({
        robot,
        differences: [],
        isAccepted: true,
    });
});

test("every other change of group and permission is a difference, too", async () => {
    const { robot, read } = await created(PULL);
    const name = "mirror-puller-1";
    const group = platform.groups.get(name);
    const permission = platform.permissions.get(name);
    if (group === undefined || permission === undefined) throw new Error("not created");
    Object.assign(group, { auto_join: true, admin_privileges: true, description: "mine" });
    const all = { include_patterns: ["**"], exclude_patterns: [] };
    permission.resources = {
        artifact: {
            actions: { users: { jane: ["READ"] }, groups: { [name]: ["READ"] } },
            targets: { "ANY LOCAL": all, mirror: { include_patterns: ["**"], exclude_patterns: ["quay.io/**"] } },
        },
        build: { actions: { users: {}, groups: { [name]: ["READ"] } }, targets: { "artifactory-build-info": all } },
    };
    expect((await read())?.differences).toEqual([
        `the group ${name} has administrator's rights`,
        `every new user joins the group ${name}`,
        `the description of the group ${name} is another one`,
        `the permission ${name} is also for jane`,
        "its rights are also for ANY LOCAL",
        "its rights are not for all of mirror",
        `the permission ${name} is also about build`,
    ]);
    await robots((admin) => admin.update(robot, PULL));
    expect(await read()).toMatchObject({ differences: [], isAccepted: true });
    platform.groups.delete(name);
    platform.permissions.delete(name);
    expect((await read())?.differences).toEqual([
        `the group ${name} does not exist`,
        `the permission ${name} does not exist`,
    ]);
    await robots((admin) => admin.update(robot, PULL));
    expect(await read()).toMatchObject({ differences: [], isAccepted: true });
});

test("a token that was revoked, or has expired, is not accepted; without its group the account is gone", async () => {
    const { robot, read } = await created();
    platform.age(NAME, 31);
    expect(await read()).toMatchObject({ differences: [], isAccepted: false });
    const group = platform.groups.get(NAME);
    platform.groups.delete(NAME);
    expect(await read()).toMatchObject({ differences: [`the group ${NAME} does not exist`], isAccepted: true });
    if (group !== undefined) platform.groups.set(NAME, group);
    platform.revoke(robot.id);
    expect(await read()).toEqual({ robot, differences: [], isAccepted: false });
    expect(await robots((admin) => admin.exists(robot, PUSH))).toBe(false);
    platform.groups.delete(NAME);
    expect(await read()).toBeUndefined();
    // What is left of it goes with it.
    await robots((admin) => admin.remove(robot, PUSH));
    expect(platform.permissions.size).toBe(0);
});

test.each([
    ["the group", /\/v2\/groups$/],
    ["the permission", /\/v2\/permissions$/],
    ["the token", /\/v1\/tokens$/],
])("a lost response to the creation of %s: found again or replaced, never twice", async (_, path) => {
    on.once("POST", path, "drop");
    const { read } = await created();
    expect(await read()).toMatchObject({ differences: [], isAccepted: true });
    expect(platform.tokens.filter(({ username }) => username === NAME)).toHaveLength(1);
});

test.each([
    [
        "rejects the token",
        { status: 401, json: { errors: [{ status: 401, message: "Bad credentials" }] } },
        "UNAUTHORIZED",
    ],
    ["gives no response about it", { status: 503, text: "starting" }, "SERVER_ERROR"],
] as readonly (readonly [string, Reply, string])[])(
    "a creation that fails since the registry %s leaves no token that may push",
    async (_, reply, code) => {
        on.once("GET", /\/system\/version$/, reply);
        expect(await on.failure(robots((admin) => admin.create(PUSH)))).toMatchObject({ code });
        expect(platform.tokens.filter(({ username }) => username === NAME)).toEqual([]);
    },
);

test("a token that cannot be revoked does not hide why the creation failed", async () => {
    fake.disturb = (method, path) => {
        if (path.endsWith("/system/version")) return { status: 503, text: "starting" };
        return method === "DELETE" ? { status: 503, text: "starting" } : undefined;
    };
    const error = await on.failure(robots((admin) => admin.create(PUSH)));
    expect(error.message).toContain("/artifactory/api/system/version");
    expect(error.status).toBe(503);
});

test("a creation that is interrupted after the token exists revokes it", async () => {
    const interruption = new AbortController();
    fake.disturb = (_, path) => {
        if (path.endsWith("/system/version")) interruption.abort(new Error("interrupted"));
        return undefined;
    };
    const { signal } = interruption;
    const interrupted = on.managing((management) => management.robots.create(PUSH), { signal });
    await expect(interrupted).rejects.toThrow("interrupted");
    expect(platform.everyToken.size).toBe(2);
    expect(platform.tokens.filter(({ username }) => username === NAME)).toEqual([]);
});

test("what an interrupted creation left is taken over, with a new token", async () => {
    const first = await created();
    const again = await created();
    expect(again.robot.id).not.toBe(first.robot.id);
    expect(platform.tokens.filter(({ username }) => username === NAME)).toHaveLength(1);
});

test("an account of another stack is left alone: by its group, or a permission of that name", async () => {
    const { robot } = await created();
    expect(await robots((admin) => admin.isTaken(OTHER))).toBe(true);
    expect(await robots((admin) => admin.create(OTHER))).toBeUndefined();
    expect(await robots((admin) => admin.isTaken(PUSH))).toBe(false);
    platform.permissions.set("mirror-importer-2", { name: "mirror-importer-2", resources: {} });
    expect(await robots((admin) => admin.create({ ...PUSH, name: "importer-2" }))).toBeUndefined();
    // Somebody took the name since: a removal of the former account touches neither token nor rights of it.
    platform.revoke(robot.id);
    const { id } = platform.addToken(NAME, `applied-permissions/groups:${NAME}`, 0, OTHER.description);
    await robots((admin) => admin.remove(robot, PUSH));
    expect(platform.tokens.some((token) => token.id === id)).toBe(true);
    expect(platform.groups.has(NAME)).toBe(true);
});

test("robot accounts of the repository are listed with description and end", async () => {
    await created();
    await created(PULL);
    platform.addToken("mirror-other", "applied-permissions/user", 0);
    const found = await robots((admin) => admin.list("mirror", (name) => /^(importer|puller)-\d$/.test(name)));
    expect(found.map(({ name, description }) => [name, description])).toEqual([
        ["importer-1", PUSH.description],
        ["puller-1", PULL.description],
    ]);
    expect(found[0]?.robot.expiresAt).toBeDefined();
});

test.each([
    ["a page", html(404)],
    ["a gateway's 404", { status: 404, json: { errors: [{ code: "NO_ROUTE" }] } }],
    ["a 401", { status: 401, json: { errors: [{ code: "UNAUTHORIZED", message: "HTTP 401 Unauthorized" }] } }],
    ["a 503", { status: 503, text: "starting" }],
] as readonly (readonly [string, Reply])[])("%s does not mean that an account was deleted", async (_, reply) => {
    const { robot, read } = await created();
    for (const path of [/\/v1\/tokens\//, /\/v2\/groups\//, /\/v2\/permissions\//]) {
        on.once("GET", path, reply);
        await on.failure(read());
    }
    expect(await read()).toMatchObject({ robot, differences: [] });
});

test("without Pro the error says so, and not that something exists", async () => {
    platform.edition = "free";
    expect(await on.failure(robots((admin) => admin.create(PUSH)))).toMatchObject({
        code: "REGISTRY_FEATURE_DISABLED",
    });
});

test("the importer pushes, moves a tag and cannot write elsewhere; the puller only pulls", async () => {
    const importer = await created();
    const puller = await created(PULL);
    platform.repositories.set("other", { key: "other", rclass: "local", packageType: "docker", settings: {} });
    const push = async (credentials: typeof ADMIN, key: string) => {
        const client = new RegistryClient({
            endpoint: { host: fake.host, ca: on.authority.ca },
            credentials,
            retry: { seconds: 0, firstDelay: 1, longestDelay: 1 },
        });
        const content = new MemoryImageSet();
        // Another one at each call: from the second on its tag moves.
        content.image("quay.io/org/app:1");
        const base = parseMirrorBase(`${fake.host}/${key}`);
        try {
            const plan = await planImport(client, { images: content.images, set: content.set, base });
            return (await executePlan(client, content, plan)).failed.length;
        } finally {
            await client.close();
        }
    };
    expect(await push(importer.credentials, "mirror")).toBe(0);
    expect(await push(importer.credentials, "mirror")).toBe(0);
    expect(await push(puller.credentials, "mirror")).toBe(1);
    await expect(push(importer.credentials, "other")).rejects.toMatchObject({ status: 403 });
});
