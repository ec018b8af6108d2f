import type { RegistryContext } from "../../dynamic-providers/registry/registry-process";
import type { RobotAccountInputs, RobotAccountOutputs } from "../../dynamic-providers/robot-account/kind";
import { robotAccountProvider as kind } from "../../dynamic-providers/robot-account/provider";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { ADMIN, ManagedHarbor } from "../support/harbor/managed-harbor";
import { operationContext } from "../support/operation-context";
import { StackRetirement } from "../support/rotation/stack-retirement";

/** The puller's rotation on a Harbor that plays back what a real one does: test/support/harbor. */
let on: ManagedHarbor;
let lines: string[];
let retirement: StackRetirement;
let context: RegistryContext;

beforeEach(async () => {
    jest.useFakeTimers({
        now: Date.now(),
        doNotFake: [
            "nextTick",
            "setImmediate",
            "setTimeout",
            "setInterval",
            "queueMicrotask",
            "clearTimeout",
            "clearInterval",
            "performance",
            "hrtime",
        ],
    });
    on = await ManagedHarbor.start();
    await on.managed().namespaces.create({ name: "mirror" });
    lines = [];
    retirement = new StackRetirement();
    context = operationContext(lines);
});

afterEach(async () => {
    jest.useRealTimers();
    await on.fake.stop();
});

const inputs = (): RobotAccountInputs => ({
    selfUrn: `urn:${on.fake.host}`,
    registry: { type: "harbor", mirrorBase: `${on.fake.host}/mirror`, ca: on.authority.ca, retrySeconds: 0 },
    credentials: ADMIN,
    account: "admin",
    namespace: "mirror",
    role: "puller",
    stack: "test",
    owner: "a1b2c3d4",
    maxAge: 90,
    overlap: 7,
});
const robots = () => on.fake.harbor.robots.map(({ name }) => name).sort();
const days = (count: number) => jest.setSystemTime(Date.now() + count * 86_400_000);

/** State as the engine keeps it: inputs that were checked, and outputs. */
interface State {
    readonly inputs: RobotAccountInputs;
    readonly outs: RobotAccountOutputs;
}

async function created(): Promise<State> {
    const checked = kind.normalizeInputs?.({}, inputs(), context) ?? inputs();
    return { inputs: checked, outs: (await kind.create(checked, context)).outs };
}

async function refreshed({ outs }: State): Promise<State> {
    return kind.read(outs, context);
}

/** An `up` with a refresh in which every user gets the account. */
async function up(before: State, changes: Partial<RobotAccountInputs> = {}): Promise<State> {
    const after = await rotated(before, changes);
    await retirement.up(after.inputs, after.outs, context);
    return after;
}

/** What an `up` with a refresh does to the account, before its users come. */
async function rotated(before: State, changes: Partial<RobotAccountInputs> = {}): Promise<State> {
    const { inputs: olds, outs } = await refreshed(before);
    const news = kind.normalizeInputs?.(olds, { ...inputs(), ...changes }, context) ?? inputs();
    await kind.describeChanges?.(olds, news, context);
    const { changes: isChanged, replaces } = kind.compare(outs, news);
    expect(replaces).toBeUndefined();
    return { inputs: news, outs: isChanged ? await kind.update(outs, news, context) : outs };
}

/** The status with which the registry greets an account. */
async function greeting({ login }: RobotAccountOutputs): Promise<number> {
    const client = new RegistryClient({
        endpoint: { host: on.fake.host, ca: on.authority.ca },
        credentials: login,
        retry: { seconds: 0, firstDelay: 1, longestDelay: 1 },
    });
    try {
        return await client.ping();
    } finally {
        await client.close();
    }
}

test("a puller that is due is replaced in place, and the old one is valid until its overlap is over", async () => {
    const first = await created();
    on.fake.harbor.age("puller-1", 61);
    const second = await up(first);
    expect(robots()).toEqual(["mirror+puller-1", "mirror+puller-2"]);
    expect([await greeting(first.outs), await greeting(second.outs)]).toEqual([200, 200]);
    const until = new Date(Date.now() + 7 * 86_400_000).toISOString().slice(0, 10);
    expect(lines.join("\n")).toContain("puller-1 -> puller-2: two thirds of its 90 days are over");
    expect(lines.join("\n")).toContain(`puller-1 stays valid until ${until}`);

    days(6);
    lines.length = 0;
    const third = await up(second);
    expect(third.outs).toEqual(second.outs);
    expect(lines).toEqual([expect.stringContaining(`puller-1 stays valid until ${until}`)]);
    expect(await greeting(first.outs)).toBe(200);

    days(2);
    lines.length = 0;
    const fourth = await up(third);
    const why = `its overlap ended on ${until}, and no resource of the stack has it any more`;
    expect(lines).toEqual([`deletes account robot$mirror+puller-1: ${why}`, "robot$mirror+puller-1: deleted"]);
    expect(robots()).toEqual(["mirror+puller-2"]);
    expect(await greeting(fourth.outs)).toBe(200);

    // What was done as planned is no drift, and is said once.
    lines.length = 0;
    const after = await up(fourth);
    expect(after.outs).toEqual(fourth.outs);
    expect(kind.compare(after.outs, after.inputs).changes).toBe(false);
    expect(retirement.differs()).toBe(false);
    expect(lines).toEqual([]);
    const longer = await up(after, { overlap: 30 });
    expect(longer.outs).not.toHaveProperty("retiredRobots");
    expect((await refreshed(longer)).outs).not.toHaveProperty("retired");
    expect(lines).toEqual([]);
});

test("a changed site.robots.rotate replaces a puller of any age, once, and the old one stays for its overlap", async () => {
    const first = await created();
    const rotate = { "site.robots.rotate": "audit" };
    const second = await up(first, { rotate });
    expect(lines).toContain("puller-1 -> puller-2: site.robots.rotate was changed");
    expect(robots()).toEqual(["mirror+puller-1", "mirror+puller-2"]);
    expect([await greeting(first.outs), await greeting(second.outs)]).toEqual([200, 200]);
    const third = await up(second, { rotate });
    expect(third.outs).toEqual(second.outs);
    // Without a refresh the inputs have the number that was asked for, not that of the name that was free.
    await on
        .managed()
        .robots.create({ name: "puller-3", namespace: "mirror", right: "pull", description: "another's" });
    const again = await up(third, { rotate: { "site.robots.rotate": "audit 2" } });
    expect(again.outs.name).toBe("puller-4");
    const inputsThen = { ...again.inputs, generation: 3 };
    const news = { ...inputs(), rotate: { "site.robots.rotate": "audit 3" } };
    const checked = kind.normalizeInputs?.(inputsThen, news, context) ?? news;
    expect((await kind.update(again.outs, checked, context)).name).toBe("puller-5");
    expect((await up(again, {})).outs).not.toHaveProperty("rotate");
});

test("a replacement is announced a week ahead: by a refresh, and by every preview after it, once in a run", async () => {
    const first = await created();
    on.fake.harbor.age("puller-1", 54);
    const day = new Date(Date.now() + 6 * 86_400_000).toISOString().slice(0, 10);
    const announced = `it is due for replacement on ${day} (two thirds of its 90 days are over)`;
    const second = await up(first);
    expect(lines).toEqual([expect.stringContaining(`robot$mirror+puller-1: ${announced}`)]);
    expect(second.outs.name).toBe("puller-1");

    // Another run, whose preview asks nobody.
    lines.length = 0;
    context = operationContext(lines);
    const news = kind.normalizeInputs?.(second.inputs, inputs(), context) ?? inputs();
    await kind.describeChanges?.(second.inputs, news, context);
    expect(lines).toEqual([expect.stringContaining(`puller-1: ${announced}`)]);
    expect(kind.compare(second.outs, news).changes).toBe(false);

    // The times are those of the account that has gone: nothing is announced of its successor.
    lines.length = 0;
    const third = await up(second, { rotate: { "site.robots.rotate": "audit" } });
    expect(third.inputs).not.toHaveProperty("createdAt");
    expect(third.outs).not.toHaveProperty("createdAt");
    lines.length = 0;
    await up(third, { rotate: { "site.robots.rotate": "audit" } });
    expect(lines).toEqual([expect.stringContaining("puller-1 stays valid until")]);
});

test("an account that expires within a week although it is due is a warning", async () => {
    const severities: string[] = [];
    const first = await created();
    on.fake.harbor.age("puller-1", 98);
    context.log.line = (severity, message) => void severities.push(`${severity}: ${message}`);
    await refreshed(first);
    const day = new Date(Date.now() + 6 * 86_400_000).toISOString().slice(0, 10);
    expect(severities).toEqual([
        `warning: robot$mirror+puller-1: two thirds of its 90 days are over, and it expires on ${day}; the next \`npm run up\` replaces it`,
    ]);
});

test("a shorter overlap ends a retired account earlier, a longer one later", async () => {
    const first = await created();
    on.fake.harbor.age("puller-1", 61);
    const second = await up(first);
    const longer = await up(second, { overlap: 20 });
    days(8);
    const later = await up(longer, { overlap: 20 });
    expect(robots()).toHaveLength(2);
    await up(later, { overlap: 0 });
    expect(robots()).toEqual(["mirror+puller-2"]);
});

test("a retired account whose own end comes before its overlap is over is said to be valid until then", async () => {
    const first = await created();
    on.fake.harbor.age("puller-1", 100);
    await up(first);
    const end = new Date(on.fake.harbor.robot("puller-1").expires_at * 1000).toISOString().slice(0, 10);
    expect(lines.join("\n")).toContain(`puller-1 stays valid until ${end}`);
});

test("an account that somebody deleted gets a successor of the next number, and what is retired stays", async () => {
    const first = await created();
    on.fake.harbor.age("puller-1", 61);
    const second = await up(first);
    on.fake.harbor.removeRobot("puller-2");
    const drift = await refreshed(second);
    expect(kind.compare(drift.outs, second.inputs).changes).toBe(true);
    expect(lines.join("\n")).toContain("robot$mirror+puller-2 was deleted in the registry");
    const third = await up(second);
    expect(robots()).toEqual(["mirror+puller-1", "mirror+puller-3"]);
    expect([await greeting(first.outs), await greeting(third.outs)]).toEqual([200, 200]);
    expect(third.outs.retiredRobots).toHaveLength(1);
});

test("the name that is announced for a new puller is the one that is created: names of other stacks are left out", async () => {
    const first = await created();
    await on
        .managed()
        .robots.create({ name: "puller-2", namespace: "mirror", right: "pull", description: "another's" });
    on.fake.harbor.age("puller-1", 61);
    const second = await up(first);
    expect(lines.join("\n")).toContain("puller-1 -> puller-3: two thirds of its 90 days are over");
    expect(second.outs.name).toBe("puller-3");
    on.fake.harbor.removeRobot("puller-3");
    await on
        .managed()
        .robots.create({ name: "puller-4", namespace: "mirror", right: "pull", description: "another's" });
    lines.length = 0;
    expect((await up(second)).outs.name).toBe("puller-5");
    expect(lines.join("\n")).toContain("puller-3 -> puller-5: it was deleted in the registry");
});

test("a retired account that somebody deleted is reported once, with what it breaks", async () => {
    const first = await created();
    on.fake.harbor.age("puller-1", 61);
    const second = await up(first);
    on.fake.harbor.removeRobot("puller-1");
    lines.length = 0;
    const drift = await refreshed(second);
    expect(kind.compare(drift.outs, second.inputs).changes).toBe(true);
    expect((await refreshed(drift)).outs).toEqual(drift.outs);
    expect(lines).toEqual([
        expect.stringMatching(/puller-1, retired .* was deleted .* cannot pull; .* what is left of it$/),
    ]);
    lines.length = 0;
    const third = await up(drift);
    expect(third.outs).not.toHaveProperty("retiredRobots");
    expect((await up(third)).outs).toEqual(third.outs);
    expect(lines).toEqual([]);
});

test("a refresh that cannot find out whether a retired account is there fails, and forgets nothing", async () => {
    const first = await created();
    on.fake.harbor.age("puller-1", 61);
    const second = await up(first);
    const { id } = second.outs.retiredRobots?.[0]?.robot ?? { id: "" };
    on.fake.disturb = (_method, path) => (path.endsWith(`/robots/${id}`) ? { status: 502, json: {} } : undefined);
    await expect(refreshed(second)).rejects.toThrow("SERVER_ERROR (502)");
    days(8);
    // It may be deleted by now: an update asks, and it is not forgotten before there is an answer.
    await expect(kind.update(second.outs, { ...second.inputs, overlap: 5 }, context)).rejects.toThrow("(502)");
});

test("one that cannot be deleted fails the up, which keeps the new account, and the next one deletes it", async () => {
    const first = await created();
    on.fake.harbor.age("puller-1", 61);
    const second = await up(first);
    days(8);
    on.fake.disturb = (method) => (method === "DELETE" ? { status: 500, json: {} } : undefined);
    await expect(up(second)).rejects.toThrow(/SERVER_ERROR \(500\) at \S+: DELETE /);
    expect(robots()).toEqual(["mirror+puller-1", "mirror+puller-2"]);
    on.fake.disturb = () => undefined;
    lines.length = 0;
    await up(second);
    expect(lines).toContainEqual(expect.stringMatching(/^deletes account robot\$mirror\+puller-1: /));
    expect(robots()).toEqual(["mirror+puller-2"]);
});

test("ups that fail before their end delete nothing, however long; the overlap begins with the first that does not", async () => {
    const first = await created();
    on.fake.harbor.age("puller-1", 61);
    let state = await rotated(first);
    for (let run = 0; run < 2; run++) {
        days(8);
        state = await rotated(state);
    }
    expect([await greeting(first.outs), await greeting(state.outs)]).toEqual([200, 200]);

    // Only now its outputs have the new account, for clusters that somebody changes by hand.
    await up(state);
    expect(robots()).toHaveLength(2);
    days(6);
    await up(state);
    expect(robots()).toHaveLength(2);
    days(2);
    await up(state);
    expect(robots()).toEqual(["mirror+puller-2"]);
});

test("where every cluster is a user, the overlap counts from the rotation, and the up that proves them may delete", async () => {
    const byHand = undefined;
    const first = await created();
    on.fake.harbor.age("puller-1", 61);
    let state = await rotated(first);
    days(8);
    state = await rotated(state);
    expect(robots()).toHaveLength(2);
    lines.length = 0;
    await retirement.up(state.inputs, state.outs, context, { byHand });
    expect(robots()).toEqual(["mirror+puller-2"]);
    expect(lines).toContain("robot$mirror+puller-1: deleted");
    const next = await rotated(state, { rotate: { "site.robots.rotate": "audit" } });
    await retirement.up(next.inputs, next.outs, context, { byHand });
    days(6);
    await retirement.up(next.inputs, next.outs, context, { byHand });
    expect(robots()).toEqual(["mirror+puller-2", "mirror+puller-3"]);
    days(2);
    await retirement.up(next.inputs, next.outs, context, { byHand });
    expect(robots()).toEqual(["mirror+puller-3"]);
});

test("an account that the state of a resource still has is kept and named, whatever its age", async () => {
    const first = await created();
    on.fake.harbor.age("puller-1", 61);
    const second = await up(first);
    days(8);
    const users = ["robot$mirror+puller-2", "robot$mirror+puller-1"].map((username, index) => {
        return { resource: `cluster-${index}-trust`, username };
    });
    lines.length = 0;
    await retirement.up(second.inputs, second.outs, context, { users });
    expect(robots()).toHaveLength(2);
    expect(lines).toEqual([expect.stringMatching(/^puller-1 stays: still used by cluster-1-trust$/)]);
    await up(second);
    expect(robots()).toEqual(["mirror+puller-2"]);
});

test("with an overlap of 0 the up that proves the new account deletes nothing, and the next one does", async () => {
    const first = await created();
    on.fake.harbor.age("puller-1", 61);
    const second = await up(first, { overlap: 0 });
    expect(robots()).toHaveLength(2);
    await up(second, { overlap: 0 });
    expect(robots()).toEqual(["mirror+puller-2"]);
});

test("several retired accounts: each stays for its own overlap, counted from the proof of its own successor", async () => {
    const first = await created();
    const rotate = (text: string) => ({ overlap: 20, rotate: { "site.robots.rotate": text } });
    const second = await up(first, rotate("one"));
    days(12);
    const third = await up(second, rotate("two"));
    expect(robots()).toEqual(["mirror+puller-1", "mirror+puller-2", "mirror+puller-3"]);
    days(9);
    const fourth = await up(third, rotate("two"));
    expect(robots()).toEqual(["mirror+puller-2", "mirror+puller-3"]);
    const fifth = await up(fourth, rotate("three"));
    expect(fifth.outs.retiredRobots?.map(({ name }) => name)).toEqual(["puller-2", "puller-3"]);
});

test("a destroy deletes the retired accounts as well", async () => {
    const first = await created();
    on.fake.harbor.age("puller-1", 61);
    const second = await up(first);
    await kind.remove(second.outs, context);
    expect(robots()).toEqual([]);
});

test("the importer, whose users are all resources of the stack, is replaced by the engine as before", async () => {
    const { overlap: _, ...importer } = { ...inputs(), role: "importer" as const };
    const olds = { ...importer, generation: 1, ...{ due: "it expires" } };
    const news = kind.normalizeInputs?.(olds, importer, context) ?? importer;
    const outs = (await kind.create({ ...importer, generation: 1 }, context)).outs;
    expect(kind.compare(outs, news)).toEqual({ changes: true, replaces: ["generation"] });
    expect(news).not.toHaveProperty("retired");
});

test("a shorter overlap is no drift of the account that was made with a longer one", async () => {
    const first = await created();
    const { outs } = await up(first, { overlap: 0 });
    lines.length = 0;
    expect((await kind.read(outs, context)).outs.differences).toEqual([]);
    on.fake.harbor.robot("puller-1").duration = -1;
    on.fake.harbor.robot("puller-1").expires_at = -1;
    const changed = (await kind.read(outs, context)).outs;
    expect(changed.differences).toEqual(["duration: -1 -> 97 days"]);
    // What a refresh has found stays a difference until an update.
    expect((await kind.read(changed, context)).outs.differences).toEqual(["duration: -1 -> 97 days"]);
});

test("an account whose secret and rights somebody changed is replaced at once, and keeps no right beside its successor", async () => {
    const first = await created();
    const robot = on.fake.harbor.robot("puller-1");
    robot.secret = "Somebody1Else";
    robot.access.push({ resource: "repository", action: "push" });
    const second = await up(first);
    expect(robots()).toEqual(["mirror+puller-1", "mirror+puller-2"]);
    expect(await greeting(second.outs)).toBe(200);
    expect(on.fake.harbor.robot("puller-1").access).toEqual([{ resource: "repository", action: "pull" }]);
    expect((await refreshed(second)).outs).toMatchObject({ differences: [] });
});

test("an account that somebody disabled stays so when it is replaced; one that may change no account replaces it all the same", async () => {
    const first = await created();
    on.fake.harbor.robot("puller-1").disable = true;
    const second = await up(first, { rotate: { "site.robots.rotate": "leak" } });
    expect(on.fake.harbor.robot("puller-1").disable).toBe(true);
    on.fake.harbor.robot("puller-2").access.push({ resource: "repository", action: "push" });
    on.once("PUT", /\/robots\/\d+$/, { status: 403, json: { errors: [{ code: "FORBIDDEN", message: "forbidden" }] } });
    lines.length = 0;
    const third = await up(second, { rotate: { "site.robots.rotate": "leak 2" } });
    expect(third.outs.name).toBe("puller-3");
    expect(lines.join("\n")).toMatch(/puller-2 stays valid with what somebody changed \(it may also repository:push/);
});
