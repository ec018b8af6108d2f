import type { DesiredRobot } from "../../lib/registries/robot-admin";
import type { Reply } from "../support/harbor/exchange";
import type { FakeHarbor } from "../support/harbor/fake-harbor";
import { ManagedHarbor } from "../support/harbor/managed-harbor";
import { html } from "../support/managed-fake";

const WISH: DesiredRobot = {
    name: "importer-1",
    namespace: "mirror",
    right: "push",
    description: "registry-passthrough test importer (a1b2c3d4)",
    days: 30,
};

let on: ManagedHarbor;
let fake: FakeHarbor;

beforeEach(async () => {
    on = await ManagedHarbor.start();
    fake = on.fake;
    await on.managed().namespaces.create({ name: "mirror" });
});

afterEach(() => fake.stop());

const managed: ManagedHarbor["managed"] = (changes) => on.managed(changes);
const check: ManagedHarbor["check"] = (changes) => on.check(changes);
const failure: ManagedHarbor["failure"] = (work) => on.failure(work);
const once: ManagedHarbor["once"] = (...reply) => on.once(...reply);

const matching = (pattern: RegExp) => expect.stringMatching(pattern) as string;

test("one is made, proven, read, changed in place, and removed twice", async () => {
    const { robots } = managed();
    const made = await robots.create(WISH);
    if (made === undefined) throw new Error("not made");
    expect(made.robot.username).toBe("robot$mirror+importer-1");
    const read = () => robots.read(made.robot, WISH, made.credentials);
    expect(await read()).toEqual({ robot: made.robot, differences: [], isAccepted: true });
    const wider: DesiredRobot = { ...WISH, days: 60, right: "pull" };
    expect((await robots.read(made.robot, wider, made.credentials))?.differences).toEqual([
        "it may also repository:push in mirror",
        "duration: 30 -> 60 days",
    ]);
    await robots.update(made.robot, wider);
    expect((await robots.read(made.robot, wider, made.credentials))?.differences).toEqual([]);
    await robots.remove(made.robot, WISH);
    await robots.remove(made.robot, WISH);
    expect(await read()).toBeUndefined();
});

test("an account that lives shorter than a new one would is no difference while it lives as long as it may be in use", async () => {
    const { robots } = managed();
    const made = await robots.create(WISH);
    if (made === undefined) throw new Error("not made");
    const differences = async (days: number, leastDays: number) =>
        (await robots.read(made.robot, { ...WISH, days, leastDays }, made.credentials))?.differences;
    expect(await differences(47, 30)).toEqual([]);
    expect(await differences(47, 31)).toEqual(["duration: 30 -> 47 days"]);
    expect(await differences(29, 20)).toEqual(["duration: 30 -> 29 days"]);
    fake.harbor.robot("importer-1").duration = -1;
    expect(await differences(47, 30)).toEqual(["duration: -1 -> 47 days"]);
});

test("one that removes images has the right to delete beside its own, and loses it again", async () => {
    const { robots } = managed();
    const removing: DesiredRobot = { ...WISH, removes: true };
    const made = await robots.create(removing);
    if (made === undefined) throw new Error("not made");
    const rights = () => fake.harbor.robot("importer-1").access.map(({ resource, action }) => `${resource}:${action}`);
    expect(rights()).toEqual(["repository:pull", "repository:push", "repository:delete"]);
    expect((await robots.read(made.robot, WISH, made.credentials))?.differences).toEqual([
        "it may also repository:delete in mirror",
    ]);
    await robots.update(made.robot, WISH);
    expect(rights()).toEqual(["repository:pull", "repository:push"]);
    expect((await robots.read(made.robot, removing, made.credentials))?.differences).toEqual([
        "it may not repository:delete in mirror",
    ]);
});

test("a secret, an end, a switch, a prefix: what makes it useless is found", async () => {
    const { robots } = managed();
    const made = await robots.create(WISH);
    if (made === undefined) throw new Error("not made");
    const read = () => robots.read(made.robot, WISH, made.credentials);
    const robot = fake.harbor.robot("importer-1");
    robot.disable = true;
    expect(await read()).toMatchObject({ differences: ["it is disabled"] });
    robot.disable = false;
    fake.harbor.prefix = "bot_";
    expect(await read()).toMatchObject({ isAccepted: false, robot: { username: "bot_mirror+importer-1" } });
    fake.harbor.prefix = "robot$";
    fake.harbor.age("importer-1", 31);
    expect(await read()).toMatchObject({ differences: [], isAccepted: false });
});

test("a rejected secret shows beside other changes, unless one of them is why it is rejected", async () => {
    const { robots } = managed();
    const made = await robots.create(WISH);
    if (made === undefined) throw new Error("not made");
    const read = () => robots.read(made.robot, WISH, made.credentials);
    const robot = fake.harbor.robot("importer-1");
    robot.access = [{ resource: "artifact", action: "read" }];
    expect(await read()).toMatchObject({ isAccepted: true, differences: [/may also/, /may not/].map(matching) });
    robot.secret = "Somebody1Else";
    expect(await read()).toMatchObject({ isAccepted: false, differences: [/may also/, /may not/].map(matching) });
    robot.disable = true;
    expect(await read()).toMatchObject({ isAccepted: true });
    Object.assign(robot, { disable: false, duration: 1, expires_at: Math.floor(Date.now() / 1000) - 60 });
    expect(await read()).toMatchObject({ isAccepted: true });
    robot.duration = -1;
    expect(await read()).toMatchObject({ isAccepted: false });
});

test("an end that this stack gave is no difference, one that somebody gave is; a disabled account can be left so", async () => {
    const { robots } = managed();
    const made = await robots.create(WISH);
    if (made === undefined) throw new Error("not made");
    const shorter: DesiredRobot = { ...WISH, days: 20, leastDays: 15 };
    const differences = async (until = made.robot.expiresAt) =>
        (await robots.read(made.robot, { ...shorter, ...(until === undefined ? {} : { until }) }, made.credentials))
            ?.differences;
    expect(await differences()).toEqual([]);
    expect(await differences("2020-01-01T00:00:00.000Z")).toEqual(["duration: 30 -> 20 days"]);
    const robot = fake.harbor.robot("importer-1");
    Object.assign(robot, { duration: 31, expires_at: robot.creation + 31 * 86_400 });
    expect(await differences()).toEqual(["duration: 31 -> 20 days"]);
    robot.disable = true;
    await robots.update(made.robot, { ...shorter, staysDisabled: true });
    expect(robot).toMatchObject({ disable: true, duration: 20 });
    await robots.update(made.robot, shorter);
    expect(robot.disable).toBe(false);
});

test.each([
    ["the answer never came", "drop"],
    ["the answer ended early", { status: 201, text: '{"id": 4', headers: { "content-type": "application/json" } }],
] as readonly (readonly [string, Reply | "drop"])[])(
    "%s: the account is taken over, not made twice",
    async (_, reply) => {
        const { robots } = managed();
        // What Harbor did although its answer was lost.
        await robots.create(WISH);
        once("POST", /\/robots$/, reply);
        const made = await robots.create(WISH);
        expect(fake.harbor.robots).toHaveLength(1);
        expect(made?.credentials.password).toBe(fake.harbor.robots[0]?.secret);
        expect(fake.writes().filter((write) => write.startsWith("PATCH"))).toHaveLength(1);
    },
);

test("an account of the same name that is another's is left alone", async () => {
    const { robots } = managed();
    await robots.create({ ...WISH, description: "somebody else's" });
    const secret = fake.harbor.robots[0]?.secret;
    expect(await robots.create(WISH)).toBeUndefined();
    expect(fake.harbor.robots).toMatchObject([{ description: "somebody else's", secret }]);
});

test.each([
    ["a sign-in page", html(200)],
    ["a sign-in page as 404", html(404)],
    ["a gateway's 404", { status: 404, json: { message: "no Route matched with those values" } }],
    ["401", { status: 401, json: { errors: [{ code: "UNAUTHORIZED", message: "unauthorized" }] } }],
    ["403", { status: 403, json: { errors: [{ code: "FORBIDDEN", message: "admin" }] } }],
] as readonly (readonly [string, Reply])[])('%s is not "the account is gone"', async (_, reply) => {
    const { robots } = managed();
    const made = await robots.create(WISH);
    if (made === undefined) throw new Error("not made");
    once("GET", /\/robots\/\d+$/, reply);
    await failure(robots.read(made.robot, WISH, made.credentials));
    once("GET", /^\/v2\/$/, html(200));
    await failure(robots.read(made.robot, WISH, made.credentials));
});

test("a read-only Harbor, and a version that does not know a right, are told with the cure", async () => {
    const { robots } = managed();
    fake.harbor.readOnly = true;
    const denied = await failure(robots.create(WISH));
    expect(denied).toMatchObject({ code: "DENIED", status: 403 });
    expect(denied.message).toContain("read only mode");
    fake.harbor.readOnly = false;
    once("POST", /\/robots$/, {
        status: 400,
        json: { errors: [{ code: "BAD_REQUEST", message: "bad request permission: repository:push" }] },
    });
    expect((await failure(robots.create(WISH))).message).toMatch(
        /permission: repository:push.*\/api\/v2\.0\/permissions/,
    );
});

test("a managing robot account is admin enough since 2.12: it makes, takes over by making anew, and removes", async () => {
    const access = [
        ["project", "read"],
        ["project", "update"],
        ["quota", "read"],
        ["robot", "create"],
        ["robot", "read"],
        ["robot", "list"],
        ["robot", "delete"],
        ["repository", "list"],
        ["repository", "pull"],
        ["repository", "push"],
    ].map(([resource = "", action = ""]) => ({ resource, action }));
    const manager = await managed().robots.create({ ...WISH, name: "manager", description: "manager" });
    if (manager === undefined) throw new Error("not made");
    fake.harbor.robot("manager").access = access;
    const { credentials } = manager;
    expect(await check({ credentials })).toEqual({ version: "Harbor 2.14.4", notes: [] });
    const { robots, namespaces } = managed({ credentials });
    expect(await namespaces.read({ name: "mirror" })).toMatchObject({ differences: [], isUntouched: false });
    await robots.create(WISH);
    const again = await robots.create(WISH);
    if (again === undefined) throw new Error("not made");
    expect(fake.harbor.robots.map(({ name }) => name)).toEqual(["mirror+manager", "mirror+importer-1"]);
    expect(await robots.read(again.robot, WISH, again.credentials)).toMatchObject({ isAccepted: true });
    fake.harbor.robot("importer-1").disable = true;
    expect((await failure(robots.update(again.robot, WISH))).message).toContain("a robot account cannot change others");
    expect(await robots.renewal?.refusal()).toMatchObject({ code: "DENIED" });
    fake.harbor.robot("importer-1").disable = false;
    const renewed = await failure(robots.renewal?.renew(again.robot, WISH) ?? Promise.resolve());
    expect(renewed).toMatchObject({ status: 403 });
    expect(renewed.fix).toContain("a user who administers the project, or leave out site.robots.rotation: in-place");
    await robots.remove(again.robot, WISH);
    fake.harbor.version = "v2.11.2-1";
    expect((await failure(check({ credentials }))).message).toContain("only since 2.12");
});

test("a new secret in place: the lifetime is put right before, the id and the name stay, a lost response is asked for again", async () => {
    const { robots } = managed({ retrySeconds: 5 });
    const made = await robots.create(WISH);
    if (made === undefined) throw new Error("not made");
    expect(await robots.renewal?.refusal()).toBeUndefined();
    fake.harbor.age("importer-1", 20);
    fake.harbor.robot("importer-1").disable = true;
    once("PATCH", /\/robots\/\d+$/, "drop");
    const longer = { ...WISH, days: 50 };
    const renewed = await robots.renewal?.renew(made.robot, longer);
    if (renewed === undefined) throw new Error("not renewed");
    expect([renewed.robot.id, renewed.credentials.username]).toEqual([made.robot.id, made.credentials.username]);
    expect(renewed.credentials.password).toBe(fake.harbor.robot("importer-1").secret);
    expect(fake.harbor.robot("importer-1")).toMatchObject({ duration: 50, disable: false });
    expect(await robots.read(made.robot, longer, made.credentials)).toMatchObject({ isAccepted: false });
    expect(await robots.read(made.robot, longer, renewed.credentials)).toMatchObject({
        differences: [],
        isAccepted: true,
    });
});
