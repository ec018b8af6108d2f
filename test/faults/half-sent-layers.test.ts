import { faultCase } from "../support/faults/fault-case";
import { type Passed, isBlobPut } from "../support/faults/fault";
import { FaultSite, secretsIn } from "../support/faults/fault-site";
import { ImportingProcess } from "../support/faults/importing-process";
import { Random } from "../support/faults/random";
import { SetArchive } from "../support/faults/set-archive";

const MIB = 1024 * 1024;
/** What may be sent again of each upload that was open. */
const MOST_AGAIN = 16 * MIB;
const LAYER = process.env.FAULTS === "all" ? 512 * MIB : 40 * MIB;
/** Runs that are ended, before one may go through. */
const RUNS = process.env.FAULTS === "all" ? 6 : 3;

let site: FaultSite;
let archive: SetArchive;

beforeAll(async () => {
    site = await FaultSite.start();
    archive = await SetArchive.oneImage(new Random(LAYER), [LAYER]);
}, 120_000);
afterAll(async () => {
    archive.remove();
    await site.stop();
});

const isBlobBody = (passed: Passed) => isBlobPut(passed) || passed.method === "PATCH";
const payload = () => site.proxy.passed.filter(isBlobBody).reduce((sum, { bytes }) => sum + bytes, 0);
/** Bytes of all blobs of the archive. */
const size = () => Object.values(archive.content.blobs).reduce((sum, bytes) => sum + bytes, 0);

/** Completes, and nothing is left of what was open. @returns bytes of blobs that all runs have sent more than once */
async function finish(): Promise<number> {
    const last = await new ImportingProcess(site, archive).done;
    expect({ ended: last.error, exit: last.result === undefined ? last.said : "" }).toEqual({ exit: "" });
    expect(last).toMatchObject({ signal: null, result: { failed: [], done: archive.content.images } });
    expect(secretsIn(last.said)).toEqual([]);
    expect(last.peakKiB).toBeLessThan(256 * 1024);
    expect(site.storage.wrong()).toEqual([]);
    expect(site.storage.openUploadBytes()).toBe(0);
    return payload() - size();
}

faultCase(
    "runs that are ended inside a large layer, one after the other",
    { all: 20, sample: 1, met: "runs killed" },
    async ({ random, count }) => {
        site.clear();
        let ended = 0;
        for (let left = RUNS; left > 0; left--) {
            const run = new ImportingProcess(site, archive);
            // Whoever interrupts a run wants to go on with it later, too.
            const signal = left === 1 ? "SIGINT" : "SIGKILL";
            site.whenCarried(random.between(MIB, LAYER / RUNS), () => run.kill(signal));
            const { said, signal: by } = await run.done;
            expect(secretsIn(said)).toEqual([]);
            count(by === "SIGKILL" ? "runs killed" : "runs interrupted");
            ended++;
            // Then the registry's own memory of the upload is gone too.
            if (random.between(1, 3) === 1) await site.registry.restart();
        }
        site.proxy.watch = () => undefined;
        const again = await finish();
        count("bytes sent again", again);
        expect(again).toBeLessThanOrEqual(ended * MOST_AGAIN);
    },
);

faultCase(
    "the registry is killed inside a large layer, and started again",
    { all: 20, sample: 1, met: "registries killed" },
    async ({ random, count }) => {
        site.clear();
        let restarted: Promise<boolean> | undefined;
        site.whenCarried(random.between(1, LAYER), () => {
            restarted = site.registry.restart();
        });
        const again = await finish();
        count("registries killed", (await restarted) === true ? 1 : 0);
        count("bytes sent again", again);
        expect(again).toBeLessThanOrEqual(MOST_AGAIN);
    },
);
