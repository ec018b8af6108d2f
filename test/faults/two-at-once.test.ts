import { join } from "node:path";
import { leaks } from "../support/canary";
import { isBlobPut } from "../support/faults/fault";
import { faultCase } from "../support/faults/fault-case";
import { FaultSite } from "../support/faults/fault-site";
import { Random } from "../support/faults/random";
import { seededSet } from "../support/faults/seeded-set";
import { FIXTURES, ACCOUNT as PUSHER, TestSite } from "../support/site";
import { TestStack, readPlaces } from "../support/stack";

let site: FaultSite;

beforeAll(async () => {
    site = await FaultSite.start();
});
afterAll(() => site.stop());

faultCase("two imports of one set at once, through resets", { all: 50, sample: 2 }, async ({ random, count }) => {
    site.clear();
    const seed = random.between(1, 1_000_000);
    const [one, two] = [seededSet(new Random(seed), { images: 3 }), seededSet(new Random(seed), { images: 3 })];
    let left = random.between(50_000, 400_000);
    site.proxy.watch = (side, bytes) => {
        left -= side === "request" ? bytes : 0;
        if (left > 0) return undefined;
        left = random.between(200_000, 900_000);
        count("resets");
        return "reset";
    };
    const outcomes = await Promise.all([site.bring(one), site.bring(two)]);
    for (const { result } of outcomes) expect(result?.failed).toEqual([]);
    count("blobs sent", site.proxy.passed.filter((put) => isBlobPut(put) && put.status === 201).length);
    site.holdsNothingWrong();
    expect(await site.converges(one)).toBe(0);
});

faultCase("two stacks at once on one registry", { all: 5, sample: 1 }, async ({ count }) => {
    const first = await TestSite.create(join(FIXTURES, "with-mapping"));
    const second = await TestStack.create({ site: first.document(), ...PUSHER });
    try {
        const events = (name: string) => join(first.folder, `${name}.events.json`);
        const ups = await Promise.all([
            first.stack.up("--event-log", events("first")),
            second.up("--event-log", events("second")),
        ]);
        for (const up of ups) expect(up).toMatchObject({ code: 0 });
        for (const [name, stack] of [["first", first.stack] as const, ["second", second] as const]) {
            expect((await stack.outputs()).validation).toMatchObject({ status: "proven", images: 6 });
            expect(leaks([PUSHER], await readPlaces(stack, events(name)))).toEqual([]);
        }
        count("stacks proven", 2);
    } finally {
        second.remove();
        await first.remove();
    }
});
