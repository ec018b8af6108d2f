import { planImport } from "../../lib/import";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import type { DesiredRobot } from "../../lib/registries/robot-admin";
import type { FakeHarbor } from "../support/harbor/fake-harbor";
import { ADMIN, ManagedHarbor } from "../support/harbor/managed-harbor";
import { MemoryImageSet } from "../support/image-set";

// Rows of registry-apis.md §12 that are about several requests: races, refused logins, cookies, clocks.
const WISH: DesiredRobot = {
    name: "importer-1",
    namespace: "mirror",
    right: "push",
    description: "registry-passthrough test importer (a1b2c3d4)",
    days: 30,
};
const SKEW_MS = 86_400_000;

let on: ManagedHarbor;
let fake: FakeHarbor;

beforeEach(async () => {
    on = await ManagedHarbor.start();
    fake = on.fake;
});

afterEach(() => fake.stop());

const wrong = { username: ADMIN.username, password: "canary-wrong-77" };
const refused = () => fake.requests.filter(({ status }) => status === 401);

test("two stacks that make the same project at once: one has it, the other is told that somebody was first", async () => {
    const both = [on.managed(), on.managed()].map(({ namespaces }) => namespaces.create({ name: "mirror" }));
    const made = (await Promise.all(both)).filter((one) => one !== undefined);
    expect(made).toMatchObject([{ id: "1", differences: [] }]);
    expect(fake.requests.filter(({ method }) => method === "POST").map(({ status }) => status)).toEqual([201, 409]);
    expect(fake.harbor.projects).toHaveLength(1);
});

test("a list whose pages repeat is left: a proxy that drops the query sends the first page for ever", async () => {
    await on.managed().namespaces.create({ name: "mirror" });
    const robots = Array.from({ length: 100 }, (_, id) => ({
        ...{ id: id + 1, name: `robot$mirror+r${id}`, level: "project", disable: false, expires_at: -1, duration: -1 },
        ...{ creation_time: "2026-01-01T00:00:00.000Z", update_time: "2026-01-01T00:00:00.000Z", permissions: [] },
    }));
    fake.disturb = (method, path) =>
        method === "GET" && path.includes("/robots") ? { status: 200, json: robots } : undefined;
    await expect(on.managed().robots.list("mirror", () => true)).rejects.toThrow("the pages of this list have no end");
});

test("two stacks that make a robot account of the same name at once: one has it, the other leaves it alone", async () => {
    await on.managed().namespaces.create({ name: "mirror" });
    const wishes = [WISH, { ...WISH, description: "registry-passthrough test importer (e5f60718)" }];
    const both = await Promise.all(wishes.map((desired) => on.managed().robots.create(desired)));
    const [made, ...more] = both.filter((one) => one !== undefined);
    expect(more).toEqual([]);
    expect(fake.harbor.robots).toMatchObject([{ secret: made?.credentials.password }]);
    const winner = wishes[both.findIndex((one) => one !== undefined)];
    expect(fake.harbor.robot("importer-1").description).toBe(winner?.description);
    expect(fake.writes().filter((write) => !write.startsWith("POST"))).toEqual([]);
});

test("422 is told in Harbor's words, is no absence, and is asked once", async () => {
    await on.managed().namespaces.create({ name: "mirror" });
    const { robots } = on.managed({ retrySeconds: 60 });
    const made = await robots.create(WISH);
    if (made === undefined) throw new Error("not made");
    const words = ["validation failure list:", "robot_id in path must be of type int64"];
    const message = words.join("\n");
    let asked = 0;
    fake.disturb = (_method, path) => {
        if (!path.startsWith("/api/v2.0/robots")) return undefined;
        asked++;
        return { status: 422, json: { errors: [{ code: "UNPROCESSABLE_ENTITY", message }] } };
    };
    for (const work of [robots.create(WISH), robots.read(made.robot, WISH, made.credentials)]) {
        const error = await on.failure(work);
        expect(error).toMatchObject({ code: "INVALID_REQUEST", registryCode: "UNPROCESSABLE_ENTITY", status: 422 });
        expect(error.problem).toBe(words.join(" "));
    }
    expect(asked).toBe(2);
});

test("the session cookie that every answer sets is never sent back: Harbor would want a CSRF token with it", async () => {
    const { namespaces, robots } = on.managed();
    await namespaces.create({ name: "mirror" });
    const made = await robots.create(WISH);
    if (made === undefined) throw new Error("not made");
    await robots.update(made.robot, { ...WISH, days: 60 });
    await robots.remove(made.robot, WISH);
    expect(fake.requests.length).toBeGreaterThan(5);
    expect(fake.cookies).toEqual([]);
});

test("wrong credentials are tried once by a process, however long it may retry: each login costs Harbor's lock of 1.5 s", async () => {
    const { namespaces } = on.managed({ credentials: wrong, retrySeconds: 60 });
    expect(await on.failure(on.check({ credentials: wrong, retrySeconds: 60 }))).toMatchObject({ status: 401 });
    expect(refused()).toHaveLength(1);
    expect(await on.failure(namespaces.create({ name: "mirror" }))).toMatchObject({ status: 401 });
    expect(refused()).toHaveLength(1);
});

test("a name that somebody else's failed login has locked is asked again until Harbor looks at the password", async () => {
    fake.locked.add(ADMIN.username);
    fake.disturb = () => {
        if (refused().length === 2) fake.locked.delete(ADMIN.username);
        return undefined;
    };
    expect(await on.check({ retrySeconds: 60 })).toMatchObject({
        version: expect.stringContaining("Harbor") as string,
    });
    expect(refused()).toHaveLength(2);
    fake.locked.add(ADMIN.username);
    fake.disturb = () => undefined;
    expect(await on.failure(on.check({ retrySeconds: 0 }))).toMatchObject({ status: 401 });
});

test("a plan with a secret that is wrong ends with the first refusal, and asks no repository's token twice", async () => {
    await on.managed().namespaces.create({ name: "mirror" });
    const content = new MemoryImageSet();
    for (let i = 0; i < 100; i++) content.image(`quay.io/org/app${i}:1`);
    const endpoint = { host: fake.host, ca: on.authority.ca };
    const client = new RegistryClient({
        endpoint,
        credentials: wrong,
        retry: { seconds: 60, firstDelay: 1, longestDelay: 1 },
    });
    try {
        const base = parseMirrorBase(`${fake.host}/mirror`);
        await expect(planImport(client, { images: content.images, set: content.set, base })).rejects.toMatchObject({
            status: 401,
        });
    } finally {
        await client.close();
    }
    const tokens = fake.urls.filter((url) => url.startsWith("/service/token"));
    expect(tokens.length).toBeGreaterThan(0);
    expect(tokens.length).toBeLessThan(50);
    expect(new Set(tokens).size).toBe(tokens.length);
});

test.each([
    ["behind", -SKEW_MS],
    ["ahead", SKEW_MS],
])("a registry whose clock is a day %s: Retry-After by its own date is a wait of none", async (_, skew) => {
    const date = new Date(Date.now() + skew).toUTCString();
    on.once("GET", /\/projects\/mirror$/, { status: 429, headers: { date, "retry-after": date } });
    expect(await on.managed({ retrySeconds: 5 }).namespaces.read({ name: "mirror" })).toBeUndefined();
});

test("a registry that rejects its own new account (its clock is wrong) is reported, and the next run takes the account over", async () => {
    await on.managed().namespaces.create({ name: "mirror" });
    const { robots } = on.managed();
    const answer = { status: 401, json: { errors: [{ code: "UNAUTHORIZED", message: "unauthorized" }] } };
    on.once("GET", /^\/v2\/$/, answer);
    const error = await on.failure(robots.create(WISH));
    expect(error).toMatchObject({
        code: "UNAUTHORIZED",
        thing: "robot account robot$mirror+importer-1",
        problem: "the registry rejected the new account",
    });
    expect(error.fix).toContain("check the clock of the registry's machine");
    const made = await robots.create(WISH);
    expect(fake.harbor.robots).toMatchObject([{ secret: made?.credentials.password }]);
});
