import { errorMessage } from "../../lib/errors/errors";
import { type Asked, type Fault, isBlobPut, isManifestPut, isUploadPost } from "../support/faults/fault";
import { faultCase } from "../support/faults/fault-case";
import { FaultSite } from "../support/faults/fault-site";
import { seededSet } from "../support/faults/seeded-set";
import { problemText } from "../support/problems";

let site: FaultSite;

beforeAll(async () => {
    site = await FaultSite.start();
});
afterAll(() => site.stop());

/** The product waits minutes; what is under test is that it ends, and what it says then. */
const TIMEOUTS = { connect: 2000, response: 2000, store: 2000, storeBase: 2000, piece: 2000 };
const RETRY = { seconds: 1, firstDelay: 1, longestDelay: 20 };
const isManifestGet = ({ method, url }: Asked) => method === "GET" && url.includes("/manifests/");

const client = () => {
    const endpoint = { host: site.proxy.host, ca: site.authority.ca, timeouts: TIMEOUTS };
    return { endpoint, retry: RETRY };
};

interface Slowness {
    readonly fault: Fault;
    readonly kinds: readonly ((asked: Asked) => boolean)[];
}

const SLOW: Readonly<Record<string, Slowness>> = {
    "one byte at a time to the registry": {
        fault: { kind: "trickle-request", interval: 100 },
        kinds: [isBlobPut, isManifestPut],
    },
    "a stall in the middle of a blob": { fault: { kind: "stall-request", after: 70_000 }, kinds: [isBlobPut] },
    "a black hole that takes every byte and answers none": {
        fault: { kind: "black-hole" },
        kinds: [isUploadPost, isBlobPut, isManifestPut],
    },
};

for (const [name, { fault, kinds }] of Object.entries(SLOW)) {
    faultCase(`${name}, for good`, { all: 10, sample: 1 }, async ({ random, count }) => {
        site.clear();
        const content = seededSet(random, { size: [100_000, 900_000] });
        const chosen = random.pick(kinds);
        site.proxy.script = (asked) => (chosen(asked) ? fault : undefined);
        const outcome = await site.bring(content, client());
        expect(outcome.error).toBeUndefined();
        const problems = outcome.result?.failed.map(problemText) ?? [];
        expect(problems).toHaveLength(2);
        for (const problem of problems) expect(problem).toMatch(/in time|took no byte/);
        for (const problem of problems) expect(problem).toMatch(/the next run resumes from here/);
        count("requests given up", site.proxy.passed.filter((passed) => passed.fault !== undefined).length);
        site.holdsNothingWrong();
        await site.converges(content);
    });

    faultCase(`${name}, once`, { all: 10, sample: 1 }, async ({ random, count }) => {
        site.clear();
        const content = seededSet(random, { size: [100_000, 900_000] });
        const chosen = random.pick(kinds);
        let met = 0;
        site.proxy.script = (asked) => (chosen(asked) && ++met === 1 ? fault : undefined);
        const outcome = await site.bring(content, { ...client(), retry: { ...RETRY, seconds: 30 } });
        expect(outcome.error).toBeUndefined();
        expect(outcome.result?.failed).toEqual([]);
        count("requests repeated", met);
        site.holdsNothingWrong();
        expect(await site.converges(content)).toBe(0);
    });
}

for (const kind of ["trickle-answer", "stall-answer"] as const) {
    faultCase(`a ${kind} while reading back`, { all: 10, sample: 1 }, async ({ random, count }) => {
        site.clear();
        const content = seededSet(random);
        expect((await site.bring(content)).result?.failed).toEqual([]);
        const fault: Fault = kind === "stall-answer" ? { kind, after: 10 } : { kind, interval: 100 };
        site.proxy.script = (asked) => (isManifestGet(asked) ? fault : undefined);
        // It could not be found out: no verdict about any image.
        const error = await site.verify(content, client()).catch((caught: unknown) => caught);
        expect(error).toMatchObject({ code: "TIMEOUT" });
        expect(errorMessage(error)).toContain("/manifests/");
        count("answers given up", site.proxy.passed.filter((passed) => passed.fault !== undefined).length);
        expect(await site.converges(content)).toBe(0);
    });
}

faultCase(
    "a registry that takes connections but speaks no TLS, for good",
    { all: 10, sample: 1 },
    async ({ random }) => {
        site.clear();
        const content = seededSet(random);
        site.proxy.hold();
        const outcome = await site.bring(content, client());
        expect(outcome.error).toMatchObject({ code: "TIMEOUT" });
        expect(site.proxy.passed).toEqual([]);
        site.proxy.release();
        await site.converges(content);
    },
);

faultCase("a registry that takes connections late", { all: 10, sample: 1 }, async ({ random, count }) => {
    site.clear();
    const content = seededSet(random);
    site.proxy.hold();
    const run = site.bring(content, { ...client(), retry: { ...RETRY, seconds: 30 } });
    count("connections held", await site.proxy.holdsConnections(random.between(1, 2)));
    site.proxy.release();
    const outcome = await run;
    expect(outcome.result?.failed).toEqual([]);
    expect(await site.converges(content)).toBe(0);
});
