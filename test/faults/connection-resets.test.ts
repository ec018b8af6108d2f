import { type Asked, isBlobPut, isManifestPut, isUploadPost } from "../support/faults/fault";
import { faultCase } from "../support/faults/fault-case";
import { FaultSite } from "../support/faults/fault-site";
import { seededSet } from "../support/faults/seeded-set";

let site: FaultSite;

beforeAll(async () => {
    site = await FaultSite.start();
});
beforeEach(() => site.clear());
afterAll(() => site.stop());

const MIB = 1024 * 1024;

faultCase("a TCP reset every 1 to 8 MiB", { all: 100, sample: 2 }, async ({ random, count }) => {
    site.clear();
    const content = seededSet(random, { layers: 3, size: [MIB / 4, 2 * MIB] });
    let left = random.between(MIB, 8 * MIB);
    let resets = 0;
    site.proxy.watch = (_side, bytes) => {
        left -= bytes;
        if (left > 0) return undefined;
        left = random.between(MIB, 8 * MIB);
        resets++;
        return "reset";
    };
    const outcome = await site.bring(content);
    expect(outcome.error).toBeUndefined();
    expect(outcome.result?.failed).toEqual([]);
    count("resets", resets);
    const extra = site.proxy.passed.filter(isBlobPut).length - (outcome.plan?.uploads ?? 0);
    // Only what was open when a connection broke is sent again.
    expect(extra).toBeLessThanOrEqual(resets);
    count("blobs sent again", extra);
    // Everything is read back through resets, too.
    await site.isWhole(content);
    expect(await site.converges(content)).toBe(0);
});

faultCase("a connection reset before, in or after one request", { all: 100, sample: 6 }, async ({ random, count }) => {
    site.clear();
    const content = seededSet(random);
    const chosen = random.pick<(asked: Asked) => boolean>([isUploadPost, isBlobPut, isManifestPut]);
    const kind = random.pick(["reset-request", "reset-answer", "short-answer"] as const);
    const which = random.between(1, 4);
    let met = 0;
    site.proxy.script = (asked) => {
        if (!chosen(asked) || ++met !== which) return undefined;
        count(`${chosen.name} ${kind}`);
        if (kind === "reset-answer") return { kind, after: "head" };
        return { kind, after: kind === "reset-request" && chosen !== isUploadPost ? random.between(0, 100) : 0 };
    };
    const outcome = await site.bring(content);
    expect(outcome.error).toBeUndefined();
    expect(outcome.result?.failed).toEqual([]);
    site.holdsNothingWrong();
    expect(await site.converges(content)).toBe(0);
});
