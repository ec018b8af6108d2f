import { robotAccountProvider } from "../../../dynamic-providers/robot-account/provider";
import { UNKNOWN_VALUE } from "../../../dynamic-providers/lifecycle/unknown-value";
import {
    expiresSoon,
    expiryDays,
    rotationReason,
    upcomingRotation,
} from "../../../dynamic-providers/robot-account/rotation";
import { operationContext } from "../../support/operation-context";

const NOW = new Date("2026-06-01T00:00:00Z");
const day = (days: number) => new Date(NOW.getTime() + days * 86_400_000).toISOString();
const found = (age: number, left?: number) => ({
    robot: {
        id: "1",
        username: "robot",
        createdAt: day(-age),
        ...(left === undefined ? {} : { expiresAt: day(left) }),
    },
    differences: [] as string[],
    isAccepted: true,
});

test("an account is due when two thirds of its days are over, when it expires soon, or when the registry rejects it", () => {
    expect(rotationReason(found(19, 11), { maxAge: 30 }, NOW)).toBeUndefined();
    expect(rotationReason(found(19), { maxAge: 30 }, NOW)).toBeUndefined();
    expect(rotationReason(found(21), { maxAge: 30 }, NOW)).toBe("two thirds of its 30 days are over");
    expect(rotationReason(found(1, 9), { maxAge: 30 }, NOW)).toBe("it expires on 2026-06-10");
    expect(rotationReason({ ...found(1), isAccepted: false }, { maxAge: 30 }, NOW)).toMatch(
        /no longer accepts its secret/,
    );
    // An update that puts rights right would leave the stack with a secret that nobody takes.
    const withoutRight = { ...found(1), isAccepted: false, differences: ["default permission: none -> read"] };
    expect(rotationReason(withoutRight, { maxAge: 30 }, NOW)).toMatch(/no longer accepts its secret/);
});

test("an account that was made with fewer days than today is replaced while its overlap fits in before it expires", () => {
    const puller = { maxAge: 30, overlap: 20 };
    expect(expiryDays(puller)).toBe(57);
    expect(rotationReason(found(1, 28), puller, NOW)).toBeUndefined();
    expect(rotationReason(found(1, 26), puller, NOW)).toBe("it expires on 2026-06-27");
    // A new one is not due before its time.
    expect(rotationReason(found(19, 57 - 19), puller, NOW)).toBeUndefined();
    for (const maxAge of [1, 2, 30, 3650]) {
        for (const overlap of [0, 1, 40]) {
            expect(rotationReason(found(0, expiryDays({ maxAge, overlap })), { maxAge, overlap }, NOW)).toBeUndefined();
        }
    }
    expect(expiryDays({ maxAge: 30 })).toBe(37);
});

test("a replacement is announced a week before, or a third of maxAge if that is less, with its day", () => {
    const upcoming = (age: number, lifetimes: { maxAge: number; overlap?: number }, left?: number) =>
        upcomingRotation(found(age, left).robot, lifetimes, NOW);
    const puller = { maxAge: 90, overlap: 7 };
    expect(upcoming(52, puller, 52)).toBeUndefined();
    expect(upcoming(54, puller, 50)).toBe(
        "it is due for replacement on 2026-06-07 (two thirds of its 90 days are over): the first `npm run up` after that replaces it",
    );
    expect(upcoming(10, puller, 35)).toContain("on 2026-06-06 (it expires on 2026-07-06)");
    // Due already: that is another line.
    expect([upcoming(61, puller, 43), upcoming(10, puller, 20)]).toEqual([undefined, undefined]);
    expect([upcoming(0, { maxAge: 9 }), upcoming(4, { maxAge: 9 })]).toEqual([
        undefined,
        expect.stringContaining("2026-06-03"),
    ]);
    expect([expiresSoon(found(80, 6).robot, NOW), expiresSoon(found(80, 8).robot, NOW)]).toEqual([true, false]);
    expect(expiresSoon(found(80).robot, NOW)).toBe(false);
});

const INPUTS = {
    selfUrn: "urn:robot",
    registry: { type: "harbor" as const, mirrorBase: "harbor.example/mirror", retrySeconds: 1 },
    credentials: { username: "admin", password: "secret" },
    account: "admin" as const,
    namespace: "mirror",
    role: "importer" as const,
    stack: "test",
    owner: "a1b2c3d4",
    maxAge: 30,
};
const STATE = {
    ...INPUTS,
    generation: 2,
    name: "importer-2",
    robot: { id: "1", username: "robot$mirror+importer-2", createdAt: day(0) },
    login: { username: "robot$mirror+importer-2", password: "other" },
    differences: [] as string[],
};
const CONTEXT = operationContext();
const normalizeInputs = (olds: object, news: object = INPUTS, selfUrn = "urn:robot") =>
    robotAccountProvider.normalizeInputs?.(olds, { ...INPUTS, ...news, selfUrn }, CONTEXT).generation;

test("the generation stays, and goes up when a refresh has found it due, or its maxAge was changed", () => {
    expect(normalizeInputs({}, INPUTS, "urn:new")).toBe(1);
    expect(normalizeInputs({ ...INPUTS, generation: 3 })).toBe(3);
    expect(normalizeInputs({ ...INPUTS, generation: 3, due: "two thirds of its 30 days are over" })).toBe(4);
    expect(normalizeInputs({ ...INPUTS, generation: 3 }, { maxAge: 60 })).toBe(4);
});

test("another text of site.robots.rotate replaces the account, one that is left out does not", () => {
    const olds = { ...INPUTS, generation: 3 };
    const rotate = (texts: Record<string, string>) => ({ rotate: texts });
    const audit = rotate({ "site.robots.rotate": "audit" });
    expect(normalizeInputs(olds, audit)).toBe(4);
    expect(normalizeInputs({ ...olds, ...audit }, audit)).toBe(3);
    expect(normalizeInputs({ ...olds, ...audit })).toBe(3);
    expect(
        normalizeInputs({ ...olds, ...audit }, rotate({ ...audit.rotate, "site.robots.importer.rotate": "leak" })),
    ).toBe(4);
    expect(normalizeInputs({}, audit, "urn:first")).toBe(1);
    expect(normalizeInputs(olds, rotate({ "site.robots.rotate": UNKNOWN_VALUE }))).toBe(3);
});

test("an importer that skipped a name is not taken for its own successor: it is replaced after the next refresh", async () => {
    const audit = { rotate: { "site.robots.rotate": "audit" } };
    const state = { ...STATE, generation: 3, name: "importer-3" };
    // State has the number of the inputs, which is less than that in the name.
    const news = { ...INPUTS, ...audit, generation: 3 };
    expect(robotAccountProvider.compare(state, news)).toEqual({ changes: true });
    const kept = await robotAccountProvider.update(state, news, CONTEXT);
    expect(kept).not.toHaveProperty("rotate");
    expect(robotAccountProvider.compare(kept, { ...news, generation: 4 })).toMatchObject({ replaces: ["generation"] });
});

test("the engine checks a replacement again without the old inputs: the decision stays", () => {
    expect(normalizeInputs({ ...INPUTS, generation: 7, due: "two thirds of its 30 days are over" })).toBe(8);
    expect(normalizeInputs({})).toBe(8);
});

test("a new generation is a replacement; what a refresh found, and another admin's password, are updates", () => {
    const state = STATE;
    expect(robotAccountProvider.compare(state, { ...INPUTS, generation: 2 })).toEqual({ changes: false });
    // An account that skipped the names of others has a higher number than its inputs.
    expect(robotAccountProvider.compare(state, { ...INPUTS, generation: 1 })).toEqual({ changes: false });
    expect(robotAccountProvider.compare(state, { ...INPUTS, generation: 3 })).toEqual({
        changes: true,
        replaces: ["generation"],
    });
    const rotated = { ...INPUTS, generation: 2, credentials: { username: "admin", password: "new" } };
    expect(robotAccountProvider.compare(state, rotated)).toEqual({ changes: true });
    expect(
        robotAccountProvider.compare({ ...state, differences: ["it is disabled"] }, { ...INPUTS, generation: 2 })
            .changes,
    ).toBe(true);
    expect(
        robotAccountProvider.compare(
            { ...state, due: "two thirds of its 30 days are over" },
            { ...INPUTS, generation: 2 },
        ).changes,
    ).toBe(true);
});
