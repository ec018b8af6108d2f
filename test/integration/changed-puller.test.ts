import { robotAccountProvider as kind } from "../../dynamic-providers/robot-account/provider";
import { PullerStack } from "../support/rotation/puller-stack";

/** A puller that somebody has changed, on a Harbor that plays back what a real one does: test/support/harbor. */
let puller: PullerStack;

beforeEach(async () => {
    puller = await PullerStack.start();
});

afterEach(() => puller.stop());

test("a shorter overlap is no drift of the account that was made with a longer one", async () => {
    const first = await puller.created();
    const { outs } = await puller.up(first, { overlap: 0 });
    puller.lines.length = 0;
    expect((await kind.read(outs, puller.context)).outs.differences).toEqual([]);
    puller.on.fake.harbor.robot("puller-1").duration = -1;
    puller.on.fake.harbor.robot("puller-1").expires_at = -1;
    const changed = (await kind.read(outs, puller.context)).outs;
    expect(changed.differences).toEqual(["duration: -1 -> 97 days"]);
    // What a refresh has found stays a difference until an update.
    expect((await kind.read(changed, puller.context)).outs.differences).toEqual(["duration: -1 -> 97 days"]);
});

test("an account whose secret and rights somebody changed is replaced at once, and keeps no right beside its successor", async () => {
    const first = await puller.created();
    const robot = puller.on.fake.harbor.robot("puller-1");
    robot.secret = "Somebody1Else";
    robot.access.push({ resource: "repository", action: "push" });
    const second = await puller.up(first);
    expect(puller.robots()).toEqual(["mirror+puller-1", "mirror+puller-2"]);
    expect(await puller.greeting(second.outs)).toBe(200);
    expect(puller.on.fake.harbor.robot("puller-1").access).toEqual([{ resource: "repository", action: "pull" }]);
    expect((await puller.refreshed(second)).outs).toMatchObject({ differences: [] });
});

test.each(["generations", "in-place"] as const)(
    "an account with another secret that somebody also disabled is usable after one up: %s",
    async (rotation) => {
        const changes = rotation === "in-place" ? { rotation } : {};
        const first = await puller.created();
        const robot = puller.on.fake.harbor.robot("puller-1");
        robot.disable = true;
        robot.secret = "Somebody1Else";
        robot.access.push({ resource: "repository", action: "push" });
        const second = await puller.up(first, changes);
        expect(second.outs.name).toBe(rotation === "in-place" ? "puller-1" : "puller-2");
        expect(second.outs.retiredRobots?.map(({ name }) => name)).toEqual(
            rotation === "in-place" ? undefined : ["puller-1"],
        );
        expect(await puller.greeting(second.outs)).toBe(200);
        expect(puller.lines).toContain("robot$mirror+puller-1: the registry no longer accepts its secret");
        const third = await puller.up(second, changes);
        expect(third.outs).toEqual(second.outs);
        expect(robot.access).toEqual([{ resource: "repository", action: "pull" }]);
    },
);

test("an account that somebody disabled stays so when it is replaced; one that may change no account replaces it all the same", async () => {
    const first = await puller.created();
    puller.on.fake.harbor.robot("puller-1").disable = true;
    const second = await puller.up(first, { rotate: { "site.robots.rotate": "leak" } });
    expect(puller.on.fake.harbor.robot("puller-1").disable).toBe(true);
    puller.on.fake.harbor.robot("puller-2").access.push({ resource: "repository", action: "push" });
    puller.on.once("PUT", /\/robots\/\d+$/, {
        status: 403,
        json: { errors: [{ code: "FORBIDDEN", message: "forbidden" }] },
    });
    puller.lines.length = 0;
    const third = await puller.up(second, { rotate: { "site.robots.rotate": "leak 2" } });
    expect(third.outs.name).toBe("puller-3");
    expect(puller.lines.join("\n")).toMatch(
        /puller-2 stays valid with what somebody changed \(it may also repository:push/,
    );
});
