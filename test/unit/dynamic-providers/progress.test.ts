import { counted, formatBytes } from "../../../lib/errors/text";
import { ResourceLog } from "../../../dynamic-providers/lifecycle/engine";
import { ProgressRow } from "../../../dynamic-providers/lifecycle/progress-row";
import { progressText } from "../../../lib/import";
import { ImportMeter } from "../../../lib/import/transfer/import-meter";

const GIGA = 1_000_000_000;

afterEach(() => {
    delete process.env.REGISTRY_PASSTHROUGH_PROGRESS;
    jest.useRealTimers();
});

test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.00 kB"],
    [83_200, "83.2 kB"],
    [999_400, "999 kB"],
    [999_600, "1.00 MB"],
    [1_234_567_890, "1.23 GB"],
    [5_000 * GIGA, "5.00 TB"],
])("%d bytes are %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
});

test("one thing is no plural", () => {
    expect([0, 1, 2].map((count) => counted(count, "image"))).toEqual(["0 images", "1 image", "2 images"]);
});

test.each([
    [{ bytes: 0, bytesPerSecond: 0 }, "0%, 0 B of 1.80 GB, 0 of 40 images"],
    [
        { images: 12, bytes: 1.2 * GIGA, bytesPerSecond: 0.3 * GIGA, secondsLeft: 2 },
        "66%, 2 s left, 1.20 GB of 1.80 GB, 300 MB/s, 12 of 40 images",
    ],
    [
        { bytes: 0.9 * GIGA, bytesPerSecond: 9e6, secondsLeft: 100 },
        "50%, 2 min left, 900 MB of 1.80 GB, 9.00 MB/s, 0 of 40 images",
    ],
    [
        { bytes: 9e6, bytesPerSecond: 125e3, secondsLeft: 10_800 },
        "0%, 3.0 h left, 9.00 MB of 1.80 GB, 125 kB/s, 0 of 40 images",
    ],
    [
        { images: 40, bytes: 1.8 * GIGA, bytesPerSecond: 5, secondsLeft: 0 },
        "100%, 1.80 GB of 1.80 GB, 5 B/s, 40 of 40 images",
    ],
])("progress %j reads as people say it", (done, text) => {
    expect(progressText({ images: 0, ofImages: 40, ofBytes: 1.8 * GIGA, ...done })).toBe(text);
});

/** A row whose text changes every 250 ms for 21 s, or not at all. */
function told(moves: boolean) {
    jest.useFakeTimers();
    const log = new ResourceLog("urn");
    const status = jest.spyOn(log, "status");
    const line = jest.spyOn(log, "line");
    const row = new ProgressRow(log);
    row.show("0 of 84");
    for (let step = 1; step <= 84; step++) {
        jest.advanceTimersByTime(250);
        if (moves) row.show(`${step} of 84`);
    }
    const problem = { code: "SERVER_ERROR", status: 503, problem: "it failed", operation: "HEAD x" } as const;
    row.waiting({ problem, seconds: 2.2, requests: 1 });
    jest.advanceTimersByTime(10_000);
    row.stop();
    jest.advanceTimersByTime(60_000);
    return { states: status.mock.calls.map(([text]) => text), lines: line.mock.calls.map(([, text]) => text) };
}

test("a terminal gets a line in place of the last one, twice a second at most", () => {
    process.env.REGISTRY_PASSTHROUGH_PROGRESS = "row";
    const { states, lines } = told(true);
    expect(states).toHaveLength(43);
    expect(states.slice(-2)).toEqual([
        "83 of 84",
        "trying again in 2 s: SERVER_ERROR (503): HEAD x: it failed; 84 of 84",
    ]);
    expect(lines).toEqual([]);
});

test.each([undefined, "lines"])(
    "nobody told of a terminal (%s): one line every ten seconds, also when nothing moves, and why",
    (setting) => {
        if (setting !== undefined) process.env.REGISTRY_PASSTHROUGH_PROGRESS = setting;
        const moving = told(true);
        expect(moving.states).toEqual([
            "39 of 84",
            "79 of 84",
            "trying again in 2 s: SERVER_ERROR (503): HEAD x: it failed; 84 of 84",
        ]);
        jest.useRealTimers();
        const standing = told(false);
        expect(standing.states).toEqual([
            "nothing moved for 10 s; 0 of 84",
            "nothing moved for 20 s; 0 of 84",
            "trying again in 2 s: SERVER_ERROR (503): HEAD x: it failed; 0 of 84",
        ]);
        // What stays in the engine's diagnostics would be printed once more at the end: an hour's import has 360 lines.
        expect([...moving.lines, ...standing.lines]).toEqual([]);
    },
);

test("time left is estimated when five seconds and a hundredth of the bytes are behind, and not before", () => {
    let now = 0;
    const meter = new ImportMeter(0, 40, 1000 * GIGA, () => now);
    const secondsLeft = (at: number, bytes: number) => {
        now = at;
        if (bytes > 0) meter.sent(bytes);
        return meter.progress().secondsLeft;
    };
    expect(secondsLeft(60_000, 0)).toBeUndefined();
    expect(secondsLeft(61_000, 20 * GIGA)).toBeUndefined();
    expect(secondsLeft(65_900, GIGA)).toBeUndefined();
    expect(secondsLeft(66_000, GIGA)).toBeGreaterThan(0);
    now = 0;
    const slow = new ImportMeter(0, 40, 1000 * GIGA, () => now);
    slow.sent(GIGA);
    now = 100_000;
    slow.sent(GIGA);
    expect(slow.progress().secondsLeft).toBeUndefined();
});

test("percent, time left and bytes are in the first characters of a row that is cut", () => {
    const progress = { images: 4999, ofImages: 10_000, bytes: 0.67 * GIGA, ofBytes: GIGA };
    const text = progressText({ ...progress, bytesPerSecond: 12.3e6, secondsLeft: 3000 });
    expect(text.slice(0, 16)).toBe("67%, 50 min left");
    expect(text.slice(0, 35)).toBe("67%, 50 min left, 670 MB of 1.00 GB");
});
