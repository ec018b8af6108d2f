import { openArchive } from "../../lib/archives";
import { faultCase } from "../support/faults/fault-case";
import { isBlobPut } from "../support/faults/fault";
import { FaultSite, secretsIn } from "../support/faults/fault-site";
import { ImportingProcess } from "../support/faults/importing-process";
import type { Random } from "../support/faults/random";
import { SetArchive } from "../support/faults/set-archive";

let site: FaultSite;

beforeAll(async () => {
    site = await FaultSite.start();
});
afterAll(() => site.stop());

const MEMORY_KIB = 256 * 1024;

async function withArchive(random: Random, play: (archive: SetArchive) => Promise<void>): Promise<void> {
    const archive = await SetArchive.make(random, [20_000, 400_000]);
    try {
        await play(archive);
    } finally {
        archive.remove();
    }
}

/** Every payload byte of the run, blobs and manifests, is a moment it may be ended at. */
function imagesPayload({ content }: SetArchive): number {
    const sizes = [...Object.values(content.blobs), ...Object.values(content.manifests).map(({ size }) => size)];
    return sizes.reduce((sum, size) => sum + size, 0);
}

faultCase(
    "kill -9 of the importing process at a random byte",
    { all: 200, sample: 3, met: "runs killed" },
    async ({ random, count }) => {
        site.clear();
        await withArchive(random, async (archive) => {
            const run = new ImportingProcess(site, archive);
            site.whenCarried(random.between(1, imagesPayload(archive)), () => run.kill("SIGKILL"));
            const killed = await run.done;
            expect(secretsIn(killed.said)).toEqual([]);
            count("runs killed", killed.signal === "SIGKILL" ? 1 : 0);
            const held = site.storage.held();
            expect(site.storage.wrong()).toEqual([]);
            site.proxy.clear();

            const next = await new ImportingProcess(site, archive).done;
            expect(next).toMatchObject({ signal: null, result: { failed: [], done: archive.content.images } });
            expect(secretsIn(next.said)).toEqual([]);
            expect(next.peakKiB).toBeLessThan(MEMORY_KIB);
            const sent = site.proxy.passed.filter(isBlobPut).length;
            const blobs = Object.keys(archive.content.blobs).length;
            count("blobs sent again", sent);
            count("blobs kept", held.size);
            // A shared blob is held twice, once mounted: what the killed run finished is never sent again.
            expect(sent).toBeLessThanOrEqual(
                Math.max(0, blobs - new Set([...held].map((one) => one.split(" ")[1])).size),
            );
            const opened = await openArchive(archive.path);
            const content = Object.assign(opened.source, { set: archive.content });
            expect(await site.converges(content)).toBe(0);
            await opened.close();
        });
    },
);

faultCase(
    "SIGINT at a random byte leaves no open upload behind",
    { all: 50, sample: 2, met: "runs interrupted" },
    async ({ random, count }) => {
        site.clear();
        await withArchive(random, async (archive) => {
            const run = new ImportingProcess(site, archive);
            site.whenCarried(random.between(1, imagesPayload(archive) - 1), () => run.kill("SIGINT"));
            const interrupted = await run.done;
            expect(secretsIn(interrupted.said)).toEqual([]);
            count("runs interrupted", interrupted.result?.failed.length === 0 ? 0 : 1);
            // An upload whose begin was not yet answered stays: nobody knows of it, and it is empty.
            expect(site.storage.openUploadBytes()).toBe(0);
            expect(site.storage.wrong()).toEqual([]);
            site.proxy.clear();
            const next = await new ImportingProcess(site, archive).done;
            expect(next).toMatchObject({ result: { failed: [] } });
            expect(secretsIn(next.said)).toEqual([]);
        });
    },
);
