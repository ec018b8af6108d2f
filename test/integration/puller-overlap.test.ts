import { robotAccountProvider as kind } from "../../dynamic-providers/robot-account/provider";
import { PullerStack } from "../support/rotation/puller-stack";

/** The puller's rotation on a Harbor that plays back what a real one does: test/support/harbor. */
let puller: PullerStack;

beforeEach(async () => {
    puller = await PullerStack.start();
});

afterEach(() => puller.stop());

test("a puller that is due is replaced in place, and the old one is valid until its overlap is over", async () => {
    const first = await puller.created();
    puller.on.fake.harbor.age("puller-1", 61);
    const second = await puller.up(first);
    expect(puller.robots()).toEqual(["mirror+puller-1", "mirror+puller-2"]);
    expect([await puller.greeting(first.outs), await puller.greeting(second.outs)]).toEqual([200, 200]);
    const until = new Date(Date.now() + 7 * 86_400_000).toISOString().slice(0, 10);
    expect(puller.lines.join("\n")).toContain("puller-1 -> puller-2: two thirds of its 90 days are over");
    expect(puller.lines.join("\n")).toContain(`puller-1 stays valid until ${until}`);

    puller.days(6);
    puller.lines.length = 0;
    const third = await puller.up(second);
    expect(third.outs).toEqual(second.outs);
    expect(puller.lines).toEqual([expect.stringContaining(`puller-1 stays valid until ${until}`)]);
    expect(await puller.greeting(first.outs)).toBe(200);

    puller.days(2);
    puller.lines.length = 0;
    const fourth = await puller.up(third);
    const why = `its overlap ended on ${until}, and no resource of the stack has it any more`;
    expect(puller.lines).toEqual([`deletes account robot$mirror+puller-1: ${why}`, "robot$mirror+puller-1: deleted"]);
    expect(puller.robots()).toEqual(["mirror+puller-2"]);
    expect(await puller.greeting(fourth.outs)).toBe(200);

    // What was done as planned is no drift, and is said once.
    puller.lines.length = 0;
    const after = await puller.up(fourth);
    expect(after.outs).toEqual(fourth.outs);
    expect(kind.compare(after.outs, after.inputs).changes).toBe(false);
    expect(puller.retirement.differs()).toBe(false);
    expect(puller.lines).toEqual([]);
    const longer = await puller.up(after, { overlap: 30 });
    expect(longer.outs).not.toHaveProperty("retiredRobots");
    expect((await puller.refreshed(longer)).outs).not.toHaveProperty("retired");
    expect(puller.lines).toEqual([]);
});

test("a changed site.robots.rotate replaces a puller of any age, once, and the old one stays for its overlap", async () => {
    const first = await puller.created();
    const rotate = { "site.robots.rotate": "audit" };
    const second = await puller.up(first, { rotate });
    expect(puller.lines).toContain("puller-1 -> puller-2: site.robots.rotate was changed");
    expect(puller.robots()).toEqual(["mirror+puller-1", "mirror+puller-2"]);
    expect([await puller.greeting(first.outs), await puller.greeting(second.outs)]).toEqual([200, 200]);
    const third = await puller.up(second, { rotate });
    expect(third.outs).toEqual(second.outs);
    // Without a refresh the inputs have the number that was asked for, not that of the name that was free.
    await puller.on
        .managed()
        .robots.create({ name: "puller-3", namespace: "mirror", right: "pull", description: "another's" });
    const again = await puller.up(third, { rotate: { "site.robots.rotate": "audit 2" } });
    expect(again.outs.name).toBe("puller-4");
    const inputsThen = { ...again.inputs, generation: 3 };
    const news = { ...puller.inputs(), rotate: { "site.robots.rotate": "audit 3" } };
    const checked = kind.normalizeInputs?.(inputsThen, news, puller.context) ?? news;
    expect((await kind.update(again.outs, checked, puller.context)).name).toBe("puller-5");
    expect((await puller.up(again, {})).outs).not.toHaveProperty("rotate");
});

test("a replacement is announced a week ahead: by a refresh, and by every preview after it, once in a run", async () => {
    const first = await puller.created();
    puller.on.fake.harbor.age("puller-1", 54);
    const day = new Date(Date.now() + 6 * 86_400_000).toISOString().slice(0, 10);
    const announced = `it is due for replacement on ${day} (two thirds of its 90 days are over)`;
    const second = await puller.up(first);
    expect(puller.lines).toEqual([expect.stringContaining(`robot$mirror+puller-1: ${announced}`)]);
    expect(second.outs.name).toBe("puller-1");

    // Another run, whose preview asks nobody.
    puller.lines.length = 0;
    puller.startRun();
    const news = kind.normalizeInputs?.(second.inputs, puller.inputs(), puller.context) ?? puller.inputs();
    await kind.describeChanges?.(second.inputs, news, puller.context);
    expect(puller.lines).toEqual([expect.stringContaining(`puller-1: ${announced}`)]);
    expect(kind.compare(second.outs, news).changes).toBe(false);

    // The times are those of the account that has gone: nothing is announced of its successor.
    puller.lines.length = 0;
    const third = await puller.up(second, { rotate: { "site.robots.rotate": "audit" } });
    expect(third.inputs).not.toHaveProperty("createdAt");
    expect(third.outs).not.toHaveProperty("createdAt");
    puller.lines.length = 0;
    await puller.up(third, { rotate: { "site.robots.rotate": "audit" } });
    expect(puller.lines).toEqual([expect.stringContaining("puller-1 stays valid until")]);
});

test("an account that expires within a week although it is due is a warning", async () => {
    const severities: string[] = [];
    const first = await puller.created();
    puller.on.fake.harbor.age("puller-1", 98);
    puller.context.log.line = (severity, message) => void severities.push(`${severity}: ${message}`);
    await puller.refreshed(first);
    const day = new Date(Date.now() + 6 * 86_400_000).toISOString().slice(0, 10);
    expect(severities).toEqual([
        `warning: robot$mirror+puller-1: two thirds of its 90 days are over, and it expires on ${day}; the next \`npm run up\` replaces it`,
    ]);
});

test("a shorter overlap ends a retired account earlier, a longer one later", async () => {
    const first = await puller.created();
    puller.on.fake.harbor.age("puller-1", 61);
    const second = await puller.up(first);
    const longer = await puller.up(second, { overlap: 20 });
    puller.days(8);
    const later = await puller.up(longer, { overlap: 20 });
    expect(puller.robots()).toHaveLength(2);
    await puller.up(later, { overlap: 0 });
    expect(puller.robots()).toEqual(["mirror+puller-2"]);
});

test("a retired account whose own end comes before its overlap is over is said to be valid until then", async () => {
    const first = await puller.created();
    puller.on.fake.harbor.age("puller-1", 100);
    await puller.up(first);
    const end = new Date(puller.on.fake.harbor.robot("puller-1").expires_at * 1000).toISOString().slice(0, 10);
    expect(puller.lines.join("\n")).toContain(`puller-1 stays valid until ${end}`);
});

test("an account that somebody deleted gets a successor of the next number, and what is retired stays", async () => {
    const first = await puller.created();
    puller.on.fake.harbor.age("puller-1", 61);
    const second = await puller.up(first);
    puller.on.fake.harbor.removeRobot("puller-2");
    const drift = await puller.refreshed(second);
    expect(kind.compare(drift.outs, second.inputs).changes).toBe(true);
    expect(puller.lines.join("\n")).toContain("robot$mirror+puller-2 was deleted in the registry");
    const third = await puller.up(second);
    expect(puller.robots()).toEqual(["mirror+puller-1", "mirror+puller-3"]);
    expect([await puller.greeting(first.outs), await puller.greeting(third.outs)]).toEqual([200, 200]);
    expect(third.outs.retiredRobots).toHaveLength(1);
});

test("the name that is announced for a new puller is the one that is created: names of other stacks are left out", async () => {
    const first = await puller.created();
    await puller.on
        .managed()
        .robots.create({ name: "puller-2", namespace: "mirror", right: "pull", description: "another's" });
    puller.on.fake.harbor.age("puller-1", 61);
    const second = await puller.up(first);
    expect(puller.lines.join("\n")).toContain("puller-1 -> puller-3: two thirds of its 90 days are over");
    expect(second.outs.name).toBe("puller-3");
    puller.on.fake.harbor.removeRobot("puller-3");
    await puller.on
        .managed()
        .robots.create({ name: "puller-4", namespace: "mirror", right: "pull", description: "another's" });
    puller.lines.length = 0;
    expect((await puller.up(second)).outs.name).toBe("puller-5");
    expect(puller.lines.join("\n")).toContain("puller-3 -> puller-5: it was deleted in the registry");
});

test("a retired account that somebody deleted is reported once, with what it breaks", async () => {
    const first = await puller.created();
    puller.on.fake.harbor.age("puller-1", 61);
    const second = await puller.up(first);
    puller.on.fake.harbor.removeRobot("puller-1");
    puller.lines.length = 0;
    const drift = await puller.refreshed(second);
    expect(kind.compare(drift.outs, second.inputs).changes).toBe(true);
    expect((await puller.refreshed(drift)).outs).toEqual(drift.outs);
    expect(puller.lines).toEqual([
        expect.stringMatching(/puller-1, retired .* was deleted .* cannot pull; .* what is left of it$/),
    ]);
    puller.lines.length = 0;
    const third = await puller.up(drift);
    expect(third.outs).not.toHaveProperty("retiredRobots");
    expect((await puller.up(third)).outs).toEqual(third.outs);
    expect(puller.lines).toEqual([]);
});

test("a refresh that cannot find out whether a retired account is there fails, and forgets nothing", async () => {
    const first = await puller.created();
    puller.on.fake.harbor.age("puller-1", 61);
    const second = await puller.up(first);
    const { id } = second.outs.retiredRobots?.[0]?.robot ?? { id: "" };
    puller.on.fake.disturb = (_method, path) =>
        path.endsWith(`/robots/${id}`) ? { status: 502, json: {} } : undefined;
    await expect(puller.refreshed(second)).rejects.toThrow("SERVER_ERROR (502)");
    puller.days(8);
    // It may be deleted by now: an update asks, and it is not forgotten before there is an answer.
    await expect(kind.update(second.outs, { ...second.inputs, overlap: 5 }, puller.context)).rejects.toThrow("(502)");
});

test("one that cannot be deleted fails the up, which keeps the new account, and the next one deletes it", async () => {
    const first = await puller.created();
    puller.on.fake.harbor.age("puller-1", 61);
    const second = await puller.up(first);
    puller.days(8);
    puller.on.fake.disturb = (method) => (method === "DELETE" ? { status: 500, json: {} } : undefined);
    await expect(puller.up(second)).rejects.toThrow(/SERVER_ERROR \(500\) at \S+: DELETE /);
    expect(puller.robots()).toEqual(["mirror+puller-1", "mirror+puller-2"]);
    puller.on.fake.disturb = () => undefined;
    puller.lines.length = 0;
    await puller.up(second);
    expect(puller.lines).toContainEqual(expect.stringMatching(/^deletes account robot\$mirror\+puller-1: /));
    expect(puller.robots()).toEqual(["mirror+puller-2"]);
});

test("ups that fail before their end delete nothing, however long; the overlap begins with the first that does not", async () => {
    const first = await puller.created();
    puller.on.fake.harbor.age("puller-1", 61);
    let state = await puller.rotated(first);
    for (let run = 0; run < 2; run++) {
        puller.days(8);
        state = await puller.rotated(state);
    }
    expect([await puller.greeting(first.outs), await puller.greeting(state.outs)]).toEqual([200, 200]);

    // Only now its outputs have the new account, for clusters that somebody changes by hand.
    await puller.up(state);
    expect(puller.robots()).toHaveLength(2);
    puller.days(6);
    await puller.up(state);
    expect(puller.robots()).toHaveLength(2);
    puller.days(2);
    await puller.up(state);
    expect(puller.robots()).toEqual(["mirror+puller-2"]);
});

test("where every cluster is a user, the overlap counts from the rotation, and the up that proves them may delete", async () => {
    const byHand = undefined;
    const first = await puller.created();
    puller.on.fake.harbor.age("puller-1", 61);
    let state = await puller.rotated(first);
    puller.days(8);
    state = await puller.rotated(state);
    expect(puller.robots()).toHaveLength(2);
    puller.lines.length = 0;
    await puller.retirement.up(state.inputs, state.outs, puller.context, { byHand });
    expect(puller.robots()).toEqual(["mirror+puller-2"]);
    expect(puller.lines).toContain("robot$mirror+puller-1: deleted");
    const next = await puller.rotated(state, { rotate: { "site.robots.rotate": "audit" } });
    await puller.retirement.up(next.inputs, next.outs, puller.context, { byHand });
    puller.days(6);
    await puller.retirement.up(next.inputs, next.outs, puller.context, { byHand });
    expect(puller.robots()).toEqual(["mirror+puller-2", "mirror+puller-3"]);
    puller.days(2);
    await puller.retirement.up(next.inputs, next.outs, puller.context, { byHand });
    expect(puller.robots()).toEqual(["mirror+puller-3"]);
});

test("an account that the state of a resource still has is kept and named, whatever its age", async () => {
    const first = await puller.created();
    puller.on.fake.harbor.age("puller-1", 61);
    const second = await puller.up(first);
    puller.days(8);
    const users = ["robot$mirror+puller-2", "robot$mirror+puller-1"].map((username, index) => {
        return { resource: `cluster-${index}-trust`, username };
    });
    puller.lines.length = 0;
    await puller.retirement.up(second.inputs, second.outs, puller.context, { users });
    expect(puller.robots()).toHaveLength(2);
    expect(puller.lines).toEqual([expect.stringMatching(/^puller-1 stays: still used by cluster-1-trust$/)]);
    await puller.up(second);
    expect(puller.robots()).toEqual(["mirror+puller-2"]);
});

test("with an overlap of 0 the up that proves the new account deletes nothing, and the next one does", async () => {
    const first = await puller.created();
    puller.on.fake.harbor.age("puller-1", 61);
    const second = await puller.up(first, { overlap: 0 });
    expect(puller.robots()).toHaveLength(2);
    await puller.up(second, { overlap: 0 });
    expect(puller.robots()).toEqual(["mirror+puller-2"]);
});

test("several retired accounts: each stays for its own overlap, counted from the proof of its own successor", async () => {
    const first = await puller.created();
    const rotate = (text: string) => ({ overlap: 20, rotate: { "site.robots.rotate": text } });
    const second = await puller.up(first, rotate("one"));
    puller.days(12);
    const third = await puller.up(second, rotate("two"));
    expect(puller.robots()).toEqual(["mirror+puller-1", "mirror+puller-2", "mirror+puller-3"]);
    puller.days(9);
    const fourth = await puller.up(third, rotate("two"));
    expect(puller.robots()).toEqual(["mirror+puller-2", "mirror+puller-3"]);
    const fifth = await puller.up(fourth, rotate("three"));
    expect(fifth.outs.retiredRobots?.map(({ name }) => name)).toEqual(["puller-2", "puller-3"]);
});

test("a destroy deletes the retired accounts as well", async () => {
    const first = await puller.created();
    puller.on.fake.harbor.age("puller-1", 61);
    const second = await puller.up(first);
    await kind.remove(second.outs, puller.context);
    expect(puller.robots()).toEqual([]);
});

test("the importer, whose users are all resources of the stack, is replaced by the engine as before", async () => {
    const { overlap: _, ...importer } = { ...puller.inputs(), role: "importer" as const };
    const olds = { ...importer, generation: 1, ...{ due: "it expires" } };
    const news = kind.normalizeInputs?.(olds, importer, puller.context) ?? importer;
    const outs = (await kind.create({ ...importer, generation: 1 }, puller.context)).outs;
    expect(kind.compare(outs, news)).toEqual({ changes: true, replaces: ["generation"] });
    expect(news).not.toHaveProperty("retired");
});
