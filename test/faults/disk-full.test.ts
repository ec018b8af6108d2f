import { rmSync, writeFileSync } from "node:fs";
import { isBlobPut, isUploadPost } from "../support/faults/fault";
import { faultCase } from "../support/faults/fault-case";
import { FaultSite } from "../support/faults/fault-site";
import { seededSet } from "../support/faults/seeded-set";
import { canHaveDisk } from "../support/registry-process";
import { problemText } from "../support/problems";

const MIB = 1024 * 1024;
/** A container may forbid mounts; then there is no disk to fill. A run of all rounds, which is evidence, fails for it. */
const whenMounted =
    canHaveDisk() || process.env.FAULTS === "all" ? faultCase : (name: string) => test.skip(name, () => undefined);

whenMounted("the registry's disk of 12 MiB is full", { all: 10, sample: 1 }, async ({ random, count }) => {
    const site = await FaultSite.start({ disk: { bytes: 12 * MIB } });
    const content = seededSet(random, { images: 3, layers: 2, size: [MIB / 2, MIB] });
    const ballast = site.registry.storage("../../../ballast");
    writeFileSync(ballast, Buffer.alloc(random.between(6, 11) * MIB));
    const outcome = await site.bring(content, { retry: { seconds: 1, firstDelay: 50, longestDelay: 200 } });
    expect(outcome.result?.failed.length).toBeGreaterThan(0);
    count("images that failed", outcome.result?.failed.length);
    count("images that fitted", Object.keys(outcome.result?.done ?? {}).length);
    count("blobs refused", site.proxy.passed.filter((put) => isBlobPut(put) && put.status === 500).length);
    for (const image of outcome.result?.failed ?? []) expect(problemText(image)).toMatch(/\(500\)/);
    expect(JSON.stringify(outcome.result?.failed)).toMatch(/disk/);
    site.holdsNothingWrong();
    rmSync(ballast);
    count("blobs of the next run", await site.converges(content));
    await site.stop();
});

whenMounted("a full disk is found out once, not for each blob", { all: 10, sample: 1 }, async ({ random, count }) => {
    const site = await FaultSite.start({ disk: { bytes: 12 * MIB } });
    const content = seededSet(random, { images: 80, layers: 1, size: [MIB / 2, MIB], shared: 0 });
    const outcome = await site.bring(content, { retry: { seconds: 1, firstDelay: 50, longestDelay: 200 } });
    const { done = {}, failed = [] } = outcome.result ?? {};
    expect(Object.keys(done).length + failed.length).toBe(80);
    for (const image of failed)
        expect(problemText(image)).toMatch(
            /DISK_FULL \(500\).*the registry's disk is full: no space left on device; free space/,
        );
    const begun = site.proxy.passed.filter((asked) => isUploadPost(asked)).map(({ url }) => url.split("/blobs/")[0]);
    const tried = new Set(begun).size - Object.keys(done).length;
    expect(failed.length).toBeGreaterThan(50);
    // Those in flight when it was full, and those that began before the first two gave up.
    expect(tried).toBeLessThan(40);
    count("images that failed", failed.length);
    count("of them tried", tried);
    site.holdsNothingWrong();
    await site.stop();
});
