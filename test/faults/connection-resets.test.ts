import { openArchive } from "../../lib/archives";
import { type Asked, type Fault, digestAsked, isBlobPut, isManifestPut, isUploadPost } from "../support/faults/fault";
import { faultCase } from "../support/faults/fault-case";
import type { FaultScript } from "../support/faults/fault-proxy";
import { FaultSite } from "../support/faults/fault-site";
import type { Random } from "../support/faults/random";
import { seededSet } from "../support/faults/seeded-set";
import { SetArchive } from "../support/faults/set-archive";

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

/** Brings a real archive, and sees each blob stored once: from its first byte in the archive to its last. */
async function bringsArchive(random: Random, script: FaultScript): Promise<void> {
    site.clear();
    const archive = await SetArchive.make(random, [20_000, 400_000], 3);
    const opened = await openArchive(archive.path);
    const content = Object.assign(opened.source, { set: archive.content });
    try {
        site.proxy.script = script;
        const outcome = await site.bring(content);
        expect(outcome.error).toBeUndefined();
        expect(outcome.result?.failed).toEqual([]);
        const stored = site.proxy.passed.filter((put) => isBlobPut(put) && put.status === 201);
        expect(stored).toHaveLength(outcome.plan?.uploads ?? NaN);
        for (const put of stored) expect(put.bytes).toBe(archive.content.blobs[digestAsked(put)]);
        expect(await site.converges(content)).toBe(0);
    } finally {
        await opened.close();
        archive.remove();
    }
}

faultCase("blobs of an archive, each cut off in its middle", { all: 50, sample: 3 }, async ({ random, count }) => {
    /** PUTs of each blob that are still to be cut. */
    const cuts = new Map<string, number>();
    await bringsArchive(random, (asked) => {
        if (!isBlobPut(asked)) return undefined;
        const left = cuts.get(digestAsked(asked)) ?? random.between(1, 2);
        cuts.set(digestAsked(asked), left - 1);
        if (left <= 0) return undefined;
        count("resets");
        return { kind: "reset-request", after: random.between(0, Number(asked.headers["content-length"]) - 1) };
    });
});

/** What an HTTP/1.1 server that goes away does to its connections (RFC 9112 §9.6), with and without saying so. */
const DRAINS: readonly Fault[] = [
    { kind: "last-answer", announced: true },
    { kind: "last-answer", announced: false },
    { kind: "close" },
];

faultCase("connections that are drained, one in three", { all: 50, sample: 3 }, async ({ random, count }) => {
    await bringsArchive(random, ({ method }) => {
        const fault = random.between(1, 3) === 1 ? random.pick(DRAINS) : undefined;
        if (fault !== undefined) count(`${method} ${fault.kind}`);
        return fault;
    });
});
