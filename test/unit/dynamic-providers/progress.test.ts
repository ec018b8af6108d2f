import { ResourceLog } from "../../../dynamic-providers/engine";
import { formatBytes, progressReporter, progressText } from "../../../dynamic-providers/progress";

const GIGA = 1_000_000_000;

afterEach(() => {
    delete process.env.REGISTRY_PASSTHROUGH_PROGRESS;
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

test.each([
    [0, { bytes: 0 }, "0 of 40 images, 0 B of 1.80 GB"],
    [0, { bytes: 5 }, "0 of 40 images, 5 B of 1.80 GB"],
    [4, { images: 12, bytes: 1.2 * GIGA }, "12 of 40 images, 1.20 GB of 1.80 GB, 300 MB/s, 2 s left"],
    [100, { images: 1, bytes: 0.9 * GIGA }, "1 of 40 images, 900 MB of 1.80 GB, 9.00 MB/s, 2 min left"],
    [3600, { images: 1, bytes: 0.45 * GIGA }, "1 of 40 images, 450 MB of 1.80 GB, 125 kB/s, 3.0 h left"],
    [5, { images: 40, bytes: 1.8 * GIGA }, "40 of 40 images, 1.80 GB of 1.80 GB, 360 MB/s, 0 s left"],
])("after %d s, progress reads as people say it", (seconds, done, text) => {
    expect(progressText({ images: 0, ofImages: 40, ofBytes: 1.8 * GIGA, ...done }, seconds)).toBe(text);
});

/** What is told when there is something new every 250 ms for 21 s. */
function told() {
    const log = new ResourceLog("urn");
    const status = jest.spyOn(log, "status");
    const line = jest.spyOn(log, "line");
    let now = 1_000_000;
    const report = progressReporter(log, () => now);
    for (let step = 0; step <= 84; step++) {
        report({ images: step, ofImages: 84, bytes: step, ofBytes: 84 });
        now += 250;
    }
    return { states: status.mock.calls.map(([text]) => text), lines: line.mock.calls };
}

test("a terminal gets a line in place of the last one, twice a second at most, and nothing that stays", () => {
    const { states, lines } = told();
    expect(states).toHaveLength(43);
    expect(states[0]).toMatch(/^0 of 84 images/);
    expect(states.at(-1)).toMatch(/^84 of 84 images/);
    expect(lines).toEqual([]);
});

test("without a terminal a line stays every ten seconds", () => {
    process.env.REGISTRY_PASSTHROUGH_PROGRESS = "lines";
    const { states, lines } = told();
    expect(states).toHaveLength(43);
    expect(lines).toEqual([
        ["info", expect.stringMatching(/^40 of 84 images, 40 B of 84 B, 4 B\/s, 11 s left$/)],
        ["info", expect.stringMatching(/^80 of 84 images, 80 B of 84 B, 4 B\/s, 1 s left$/)],
    ]);
});
