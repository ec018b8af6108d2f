import { join } from "node:path";
import { readLock } from "../../lib/lock";
import { faultCase } from "../support/faults/fault-case";
import { FaultProxy } from "../support/faults/fault-proxy";
import { isBlobPut } from "../support/faults/fault";
import { RegistryStorage } from "../support/faults/registry-storage";
import { SetArchive } from "../support/faults/set-archive";
import { leaks } from "../support/canary";
import { descendants, gone } from "../support/processes";
import { ACCOUNT, FIXTURES, TestSite } from "../support/site";
import { readPlaces } from "../support/stack";

const FIXTURE = join(FIXTURES, "with-mapping");
const PROVIDER = "cmd/dynamic-provider";
const MIB = 1024 * 1024;
/** Of a large layer that was open. */
const MOST_AGAIN = 16 * MIB;

/** Every byte of a blob or a manifest is a moment to end at. */
async function payloadOf(site: TestSite, name: string): Promise<number> {
    const { blobs, manifests } = await readLock(join(site.folder, `${name}.lock.json`));
    const sizes = [...Object.values(blobs), ...Object.values(manifests).map(({ size }) => size)];
    return sizes.reduce((sum, size) => sum + size, 0);
}

faultCase(
    "the Pulumi engine is killed at a random byte, then cancel",
    { all: 50, sample: 1, met: "engines killed" },
    async ({ random, count }) => {
        const large = await SetArchive.oneImage(random, [40 * MIB]);
        const site = await TestSite.create(FIXTURE, large.path);
        large.remove();
        const proxy = await FaultProxy.start(site.registry.port, await site.authority.issue(), site.authority.ca);
        try {
            site.stack.configure(site.document({ registry: { mirrorBase: `${proxy.host}/mirror` } }));
            const { child, done } = site.stack.startUp();
            const [small, rest] = [await payloadOf(site, "set1"), await payloadOf(site, "set2")];
            let left = random.between(1, small + rest);
            let providers: number[] = [];
            proxy.watch = (side, bytes) => {
                if (side !== "request") return undefined;
                // So little content would be in before the provider sees that its engine is gone.
                if (left <= 0) return "stall";
                left -= bytes;
                if (left > 0) return undefined;
                providers = descendants(child.pid ?? 0, PROVIDER);
                child.kill("SIGKILL");
                return "stall";
            };
            await done;
            if (child.signalCode === "SIGKILL") {
                count("engines killed");
                expect(providers).not.toEqual([]);
            }
            // Nobody tells the provider: it sees that its engine is gone, and ends.
            await Promise.all(providers.map(gone));
            const storage = new RegistryStorage(site.registry.storage());
            expect(storage.wrong()).toEqual([]);
            const held = storage.held();
            const sent = proxy.payload();
            proxy.clear();
            expect(await site.stack.cancel()).toMatchObject({ code: 0 });
            const events = join(site.folder, "events.json");
            expect(await site.stack.up("--event-log", events)).toMatchObject({ code: 0 });
            expect((await site.stack.outputs()).validation).toMatchObject({ status: "proven", images: 7 });
            const again = proxy.passed.filter(isBlobPut).filter(({ url }) => held.has(uploadedBlob(url)));
            expect(again).toEqual([]);
            const twice = sent + proxy.payload() - small - rest;
            expect(twice).toBeLessThanOrEqual(MOST_AGAIN + small);
            count("bytes sent again", Math.max(0, twice));
            expect(storage.openUploadBytes()).toBe(0);
            count("blobs kept", held.size);
            count("blobs sent then", proxy.passed.filter(isBlobPut).length);
            expect(storage.wrong()).toEqual([]);
            expect(leaks([ACCOUNT], await readPlaces(site.stack, events))).toEqual([]);
        } finally {
            await proxy.stop();
            await site.remove();
        }
    },
);

function uploadedBlob(url: string): string {
    const { pathname, searchParams } = new URL(url, "http://localhost");
    return `${/^\/v2\/(.+)\/blobs\//.exec(pathname)?.[1] ?? ""} ${searchParams.get("digest") ?? ""}`;
}
