import fc from "fast-check";
import { HostPace, type Load } from "../../../lib/distribution/limits/host-pace";
import { Tolerance } from "../../../lib/distribution/limits/tolerance";
import { Random } from "../../support/faults/random";
import { type SimulatedLine, simulate } from "../../support/simulated-line";

/** Levels that a person would try. */
const FIXED = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64];
const LEAST = 0.9;
const SEEDS = [1, 2];
const QUICK = { question: 0.5, body: 1 };
const SLOW = { question: 5, body: 20 };

/** The profiles of docs/reliability.md; then connections that are slow each, and storage that takes long but many at once. */
const profiles: [name: string, blobs: number, bytes: number, line: SimulatedLine][] = [
    ["loopback", 600, 512_000, { roundTrip: 0.1, rate: 400_000, work: { question: 0.5, body: 3 }, cores: 2 }],
    ["80 ms, 200 Mbit/s", 600, 360_000, { roundTrip: 80, rate: 25_000, work: QUICK, cores: 2 }],
    ["80 ms, 200 Mbit/s, a few seconds", 160, 360_000, { roundTrip: 80, rate: 25_000, work: QUICK, cores: 2 }],
    ["20 ms, 10 Mbit/s", 150, 360_000, { roundTrip: 20, rate: 1250, work: QUICK, cores: 2 }],
    ["429 above 4", 400, 360_000, { roundTrip: 5, rate: 100_000, work: SLOW, cores: 8, takes: 4 }],
    ["locked above 2", 400, 360_000, { roundTrip: 1, rate: 100_000, work: SLOW, cores: 8, takes: 2 }],
    ["slow connections", 1500, 360_000, { roundTrip: 80, rate: 25_000, connectionRate: 800, work: QUICK, cores: 2 }],
    ["slow storage", 1500, 360_000, { roundTrip: 1, rate: 100_000, work: { question: 5, body: 500 }, cores: 100 }],
];

test.each(profiles)("%s: what is found is as fast as the best fixed level, or nearly", (_, blobs, bytes, line) => {
    for (const seed of SEEDS) {
        const sizes = new Random(seed);
        const work = Array.from({ length: blobs }, () => Math.round(bytes * (0.1 + 1.8 * sizes.fraction())));
        const run = (level?: number) => {
            const scatter = new Random(seed + 1000);
            return simulate(line, work, level, () => 0.5 + scatter.fraction());
        };
        const best = Math.min(...FIXED.map((level) => run(level).milliseconds));
        expect(best / run().milliseconds).toBeGreaterThanOrEqual(LEAST);
    }
});

test("a line that one body fills does not get 32 of them", () => {
    const line = { roundTrip: 20, rate: 1250, work: QUICK, cores: 2 };
    const work = Array.from({ length: 100 }, () => 3_600_000);
    expect(simulate(line, work).peakBodies).toBeLessThanOrEqual(8);
});

test("whatever the line is, all arrives, and no more is in flight than allowed", () => {
    const any = fc.record({
        roundTrip: fc.double({ min: 0.1, max: 300, noNaN: true }),
        rate: fc.double({ min: 100, max: 1_000_000, noNaN: true }),
        takes: fc.integer({ min: 1, max: 80 }),
        cores: fc.integer({ min: 1, max: 16 }),
        work: fc.record({ question: fc.integer({ min: 0, max: 50 }), body: fc.integer({ min: 0, max: 500 }) }),
    });
    fc.assert(
        fc.property(any, fc.array(fc.nat(10_000_000), { minLength: 1, maxLength: 60 }), (line, sizes) => {
            expect(simulate(line, sizes).peak).toBeLessThanOrEqual(64);
        }),
        { numRuns: 40, seed: 21 },
    );
});

/** A host that takes so many: what it does with a level is decided when all of them are in flight. */
function round(tolerance: Tolerance, takes: number, from: number): number {
    const running = tolerance.level;
    const refused = Math.max(0, running - takes);
    const sent = from + running;
    for (let i = 0; i < refused; i++) tolerance.troubled("busy", { number: from + 1 + i, sent, running: running - i });
    for (let i = 0; i < running - refused; i++) tolerance.answered(i + 1);
    return sent;
}

test("the level that a host took is kept, and exceeded later each time", () => {
    let now = 0;
    const tolerance = new Tolerance(64, () => now);
    const tries: number[] = [];
    for (let sent = 0; now < 100_000; now += 100) {
        if (tolerance.level > 4) tries.push(now);
        sent = round(tolerance, 4, sent);
    }
    expect(tolerance.level).toBe(4);
    const rests = tries.slice(1).map((time, at) => time - (tries[at] ?? 0));
    expect(rests.slice(-3).every((rest, at, all) => at === 0 || rest >= 1.5 * (all[at - 1] ?? 0))).toBe(true);
    expect(tries.length).toBeLessThan(12);
});

test("a host that takes more again gets more", () => {
    let now = 0;
    const tolerance = new Tolerance(64, () => now);
    let sent = 0;
    for (; now < 10_000; now += 100) sent = round(tolerance, 4, sent);
    for (; now < 40_000; now += 100) sent = round(tolerance, 64, sent);
    expect(tolerance.level).toBe(64);
});

test("a fixed level is neither found nor left", () => {
    let now = 0;
    const pace = new HostPace(64, () => now);
    pace.fix(9);
    for (let i = 0; i < 200; i++) {
        while (pace.hasRoom("body")) pace.take("body");
        expect(pace.inFlight).toBe(9);
        const flight = pace.begin({ load: "body", name: "PUT", bytes: 1000 });
        now += 50;
        flight.answered(true);
    }
});

/** Requests in flight of each kind that a pace allows. */
const levels = (pace: HostPace) => {
    const room = (load: Load) => {
        let taken = 0;
        for (; pace.hasRoom(load); taken++) pace.take(load);
        for (let i = 0; i < taken; i++) pace.giveBack(load);
        return taken;
    };
    return { questions: room("question"), bodies: room("body") };
};

test("the search begins with the more requests, the farther the host is", () => {
    const pace = new HostPace(64, () => 0);
    pace.opened(0.2);
    expect(levels(pace)).toEqual({ questions: 4, bodies: 4 });
    const far = new HostPace(64, () => 0);
    far.opened(80);
    expect(levels(far)).toEqual({ questions: 32, bodies: 16 });
    // A handshake that took long for another reason.
    far.opened(500);
    expect(levels(far)).toEqual({ questions: 32, bodies: 16 });
    far.opened(40);
    expect(levels(far)).toEqual({ questions: 16, bodies: 8 });
    far.setCeiling(10);
    expect(levels(far)).toEqual({ questions: 10, bodies: 8 });
});

test("a level that was found is not changed by another connection", () => {
    let now = 0;
    const pace = new HostPace(64, () => now);
    for (let i = 0; i < 4; i++) pace.take("question");
    const flights = [1, 2, 3, 4].map(() => pace.begin({ load: "question", name: "GET" }));
    now += 5;
    for (const flight of flights) flight.answered(true);
    expect(levels(pace).questions).toBe(8);
    pace.opened(200);
    expect(levels(pace)).toEqual({ questions: 8, bodies: 40 });
});

test("neither kind of request waits for room of the other one", () => {
    const pace = new HostPace(64, () => 0);
    while (pace.hasRoom("body")) pace.take("body");
    expect(pace.inFlight).toBe(4);
    expect(pace.hasRoom("question")).toBe(true);
    pace.setCeiling(4);
    expect(pace.hasRoom("question")).toBe(false);
    pace.giveBack("body");
    expect(pace.hasRoom("question")).toBe(true);
});
