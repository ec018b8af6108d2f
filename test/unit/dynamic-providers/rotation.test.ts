import type { RobotAccountInputs } from "../../../dynamic-providers/robot-account/kind";
import { robotAccountProvider } from "../../../dynamic-providers/robot-account/provider";
import { UNKNOWN_VALUE } from "../../../dynamic-providers/lifecycle/unknown-value";
import { generationLines, renewalReason } from "../../../dynamic-providers/robot-account/generations";
import { isRenewed, renewalLines } from "../../../dynamic-providers/robot-account/renewal";
import {
    expiresSoon,
    expiryDays,
    renewalDay,
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
    // Rights that somebody changed explain no rejection, and would be all that an update puts right.
    const changed = { ...found(1), differences: ["it may not repository:pull in mirror"] };
    expect(rotationReason(changed, { maxAge: 30 }, NOW)).toBeUndefined();
    expect(rotationReason({ ...changed, isAccepted: false }, { maxAge: 30 }, NOW)).toMatch(/no longer accepts/);
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

const IN_PLACE = { ...INPUTS, rotation: "in-place" as const };

test("in place the generation stays, whatever is due, unless the account does not exist any more", () => {
    const olds = { ...IN_PLACE, generation: 3 };
    expect(normalizeInputs({ ...olds, due: "two thirds of its 30 days are over" }, IN_PLACE)).toBe(3);
    expect(normalizeInputs(olds, { ...IN_PLACE, rotate: { "site.robots.rotate": "audit" } })).toBe(3);
    expect(normalizeInputs(olds, { ...IN_PLACE, maxAge: 60 })).toBe(3);
    const gone = { gone: true as const, due: "it was deleted in the registry" };
    expect(normalizeInputs({ ...olds, ...gone }, IN_PLACE)).toBe(4);
});

test("in place a rotation is an update, also of the importer; the setting, and who takes the secret by hand, are none", () => {
    const state = { ...STATE, robot: { ...STATE.robot, createdAt: new Date().toISOString() } };
    const compare = (olds: object, news: object) =>
        robotAccountProvider.compare({ ...state, ...olds }, { ...IN_PLACE, generation: 2, ...news });
    expect([compare({}, {}), compare(IN_PLACE, { rotation: undefined })]).toEqual(Array(2).fill({ changes: false }));
    expect(compare({}, { byHand: ["east"], targets: ["podman"] })).toEqual({ changes: false });
    expect(compare({}, { rotate: { "site.robots.rotate": "audit" } })).toEqual({ changes: true });
    expect(compare({ due: "two thirds of its 30 days are over" }, {})).toEqual({ changes: true });
    expect(compare({ unproven: true }, {})).toEqual({ changes: true });
    expect(compare({ gone: true, due: "it was deleted in the registry" }, { generation: 3 })).toEqual({
        changes: true,
        replaces: ["generation"],
    });
});

test("a preview without a refresh says since when an account is due, and nothing of one that it replaces", async () => {
    const createdAt = day(-61 + (Date.now() - NOW.getTime()) / 86_400_000);
    const puller = { ...INPUTS, role: "puller" as const, maxAge: 90, overlap: 7, generation: 2 };
    const previewed = async (changes: object, news: object = {}) => {
        const lines: string[] = [];
        const context = operationContext(lines);
        // As a refresh has noted it.
        const olds: Partial<RobotAccountInputs> = { ...puller, ...{ createdAt }, ...changes };
        const given = { ...puller, ...news };
        const checked = robotAccountProvider.normalizeInputs?.(olds, given, context) ?? given;
        await robotAccountProvider.describeChanges?.(olds, checked, context);
        return lines;
    };
    const since = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    expect(await previewed({})).toEqual([
        `puller-2: it has been due for replacement since ${since} (two thirds of its 90 days are over): \`npm run up\`, which ` +
            "looks at the registry first, replaces it",
    ]);
    expect(await previewed({ rotation: "in-place" }, { rotation: "in-place" })).toEqual([
        `puller-2: its secret has been due for replacement since ${since} (two thirds of its 90 days are over): \`npm run up\`, ` +
            "which looks at the registry first, gives it a new one, and the old one ends at once",
    ]);
    const replaced = await previewed({ due: "two thirds of its 90 days are over" });
    expect(replaced.join("\n")).not.toContain("since");
    expect(replaced[0]).toContain("puller-2 -> puller-3");
});

test("without an overlap a preview names no day until which the former account stays valid", () => {
    const puller = { ...INPUTS, role: "puller" as const, generation: 3, overlap: 0 };
    const retired = [{ name: "puller-2", retiredAt: NOW.toISOString() }];
    const olds = { ...puller, generation: 2, due: "two thirds of its 90 days are over" };
    expect(generationLines(olds, { ...puller, retired })).toEqual([
        "puller-2 -> puller-3: two thirds of its 90 days are over",
        expect.stringMatching(
            /^puller-2 has no overlap \(site\.robots\.puller\.overlap: 0d\): it is deleted when every image was proven/,
        ),
    ]);
    expect(generationLines(olds, { ...puller, overlap: 7, retired })[1]).toContain(
        "puller-2 stays valid until 2026-06-08 for",
    );
});

test("the age of a secret counts from the day it was given, and so does its lifetime", () => {
    const renewedAt = day(-10);
    expect(rotationReason(found(80), { maxAge: 30, renewedAt }, NOW)).toBeUndefined();
    expect(rotationReason(found(80), { maxAge: 30, renewedAt: day(-21) }, NOW)).toContain("two thirds of its 30 days");
    expect(
        upcomingRotation({ ...found(80).robot, renewedAt: day(-15) }, { maxAge: 30, rotation: "in-place" }, NOW),
    ).toBe(
        "its secret is due for replacement on 2026-06-06 (two thirds of its 30 days are over): the first `npm run up` after " +
            "that gives it a new one, and the old one ends at once",
    );
    expect(renewalDay({ createdAt: day(-80), renewedAt })).toBe(70);
    expect(renewalDay({ createdAt: day(-80), renewedAt: new Date(NOW.getTime() - 1).toISOString() })).toBe(80);
    // The registry's clock is ahead.
    expect([renewalDay({ createdAt: day(1), renewedAt: day(0) }), renewalDay({ createdAt: day(0) })]).toEqual([0, 0]);
});

test("a preview of a new secret in place says why, from when until when pulls fail, and what is done by hand", () => {
    const puller = { ...IN_PLACE, role: "puller" as const, overlap: 7, generation: 2 };
    const olds = { ...puller, due: "two thirds of its 90 days are over" };
    const lines = (news: object) => renewalLines(olds, { ...puller, ...news });
    expect(lines({}).info).toEqual(["puller-2: a new secret under the same name: two thirds of its 90 days are over"]);
    const gap =
        "puller-2: from the moment this `up` changes the secret until a cluster has the new pull secret, new pulls with the " +
        "old one fail; pulls with a token that a node got before go on for up to 30 minutes (Harbor's token_expiration). ";
    const applied = "Clusters with `apply` get it later in this `up`, after the import and the validation";
    const guide = "by hand right after this `up` (docs/how-to/rotate-accounts.md#in-place)";
    expect(lines({}).warning).toEqual([`${gap}${applied}; give it to every other one ${guide}`]);
    expect(lines({ byHand: [] }).warning).toEqual([`${gap}${applied}`]);
    expect(lines({ byHand: ["east", "west"] }).warning).toEqual([
        `${gap}Give it ${guide} to these clusters: east, west. ${applied}`,
    ]);
    expect(lines({ byHand: [""] }).warning).toEqual([`${gap}Give it to the cluster ${guide}`]);
    const targets = ["podman", "k3s"];
    const hosts = "the hosts of site.cluster.targets (podman, k3s)";
    expect(lines({ byHand: [], targets }).warning).toEqual([`${gap}Give it ${guide} to ${hosts}. ${applied}`]);
    expect(lines({ byHand: [""], targets }).warning).toEqual([`${gap}Give it to the cluster and to ${hosts} ${guide}`]);
    expect(lines({ registry: { ...INPUTS.registry, type: "quay" } }).warning[0]).toContain("up to 60 minutes. ");
    const importer = renewalLines({ ...olds, role: "importer" }, { ...puller, role: "importer" }).warning;
    expect(importer).toEqual([
        expect.stringMatching(/^importer-2: .*anything else that pushes with the output pushSecret/),
    ]);
    expect(renewalLines(puller, puller)).toEqual({ info: [], warning: [] });
    expect(renewalLines(olds, { ...puller, rotation: undefined })).toEqual({ info: [], warning: [] });
    expect(renewalLines({}, puller)).toEqual({ info: [], warning: [] });
});

test("in place another maxAge gives a new secret only where the old one is too old for it", () => {
    const olds = { ...IN_PLACE, generation: 2, createdAt: new Date(Date.now() - 15 * 86_400_000).toISOString() };
    const news = { ...IN_PLACE, generation: 2 };
    expect(renewalReason(olds, { ...news, maxAge: 60 })).toBeUndefined();
    expect(renewalReason(olds, { ...news, maxAge: 25 })).toBeUndefined();
    expect(renewalReason(olds, { ...news, maxAge: 20 })).toBe("two thirds of its 20 days are over");
    const state = { ...STATE, ...IN_PLACE, robot: { ...STATE.robot, createdAt: olds.createdAt } };
    expect([25, 20].map((maxAge) => isRenewed(state, { ...news, maxAge }))).toEqual([false, true]);
});

test("the engine checks a replacement again without the old inputs: the decision stays", () => {
    expect(normalizeInputs({ ...INPUTS, generation: 7, due: "two thirds of its 30 days are over" })).toBe(8);
    expect(normalizeInputs({})).toBe(8);
});

test("at another registry the number goes on, and no account of the former one counts as retired there", () => {
    const retired = [{ name: "puller-1", retiredAt: day(0) }];
    const olds = { ...INPUTS, role: "puller" as const, overlap: 7, generation: 2, retired };
    const there = { ...INPUTS.registry, mirrorBase: "other.example/mirror" };
    const news = { ...INPUTS, role: "puller" as const, overlap: 7, registry: there, selfUrn: "urn:moved" };
    const checked = robotAccountProvider.normalizeInputs?.(olds, news, CONTEXT);
    expect(checked).toMatchObject({ generation: 3 });
    expect(checked).not.toHaveProperty("retired");
    expect(robotAccountProvider.normalizeInputs?.({}, news, CONTEXT)).toMatchObject({ generation: 3 });
    expect(robotAccountProvider.compare({ ...STATE, ...olds }, { ...news, generation: 3 })).toEqual({
        changes: true,
        replaces: ["registry"],
    });
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
