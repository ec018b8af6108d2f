import { isBlobPut } from "../support/faults/fault";
import { faultCase } from "../support/faults/fault-case";
import { FaultSite } from "../support/faults/fault-site";
import { seededSet } from "../support/faults/seeded-set";

let site: FaultSite;

beforeAll(async () => {
    site = await FaultSite.start();
});
afterAll(() => site.stop());

faultCase(
    "the registry is killed at a random byte and started again",
    { all: 100, sample: 2, met: "registries killed" },
    async ({ random, count }) => {
        site.clear();
        const content = seededSet(random, { layers: 2, size: [20_000, 400_000] });
        const payload = [...content.bytes.values()].reduce((sum, bytes) => sum + bytes.length, 0);
        let left = random.between(1, payload);
        let restarted: Promise<boolean> | undefined;
        let open = 0;
        site.proxy.watch = (side, bytes) => {
            if (side === "request") left -= bytes;
            if (left > 0 || restarted !== undefined) return undefined;
            open = site.proxy.passed.filter((put) => isBlobPut(put) && put.status === undefined).length;
            restarted = site.registry.restart();
            return undefined;
        };
        const outcome = await site.bring(content);
        const wasKilled = await restarted;
        expect(outcome.error).toBeUndefined();
        expect(outcome.result?.failed).toEqual([]);
        site.holdsNothingWrong();
        count("registries killed", wasKilled === true ? 1 : 0);
        // While it is away every blob in flight fails, some of them more than once; what was stored is not sent again.
        const stored = site.proxy.passed
            .filter((put) => isBlobPut(put) && put.status === 201)
            .map(({ url }) => digestAndRepository(url));
        expect(stored).toHaveLength(new Set(stored).size);
        count("blobs open when it was killed", open);
        expect(await site.converges(content)).toBe(0);
    },
);

function digestAndRepository(url: string): string {
    return `${url.split("/blobs/")[0] ?? ""} ${new URL(url, "http://localhost").searchParams.get("digest") ?? ""}`;
}
