import { NoProgressTimer } from "../../../lib/import/transfer/no-progress-timer";
import type { ErrorCode } from "../../../lib/errors/codes";
import { RegistryError } from "../../../lib/errors/errors";

const failure = (status?: number, code: ErrorCode = "SERVER_ERROR") =>
    new RegistryError("no", { registry: "here", code, status });

let now: number;
beforeEach(() => {
    now = 1_000_000;
    jest.spyOn(Date, "now").mockImplementation(() => now);
});

const makeTimer = (silentSeconds = 0) => new NoProgressTimer({ retrySeconds: 60, silentSeconds });

test("a full disk ends an import when a second operation gives up and nothing got further", () => {
    const time = makeTimer();
    now += 60_000;
    const first = failure(500, "DISK_FULL");
    expect(time.isOver(first)).toBe(false);
    // The images of a shared blob fail with one failure.
    expect(time.isOver(first)).toBe(false);
    expect(time.isOver(failure(500, "DISK_FULL"))).toBe(true);
});

test("whatever gets further keeps it going", () => {
    const time = makeTimer();
    now += 60_000;
    time.isOver(failure(500));
    time.end();
    now += 60_000;
    // What failed before was about something else.
    expect(time.isOver(failure(500))).toBe(false);
    time.end();
    expect(time.isOver(failure(500))).toBe(false);
    now += 20_000;
    expect(time.isOver(failure(500))).toBe(false);
    now += 20_000;
    expect(time.isOver(failure(503))).toBe(true);
});

test("a registry that only ever asks for fewer requests ends it too", () => {
    const time = makeTimer();
    now += 60_000;
    time.isOver(failure(429, "TOOMANYREQUESTS"));
    expect(time.isOver(failure(429, "TOOMANYREQUESTS"))).toBe(true);
});

test.each([
    [401, "UNAUTHORIZED"],
    [403, "DENIED"],
    [503, "REGISTRY_READ_ONLY"],
] as const)("refusals are not trouble: %d %s", (status, code) => {
    const time = makeTimer();
    now += 60_000;
    time.isOver(failure(status, code));
    expect(time.isOver(failure(status, code))).toBe(false);
});

test("a registry that is away ends it by its silence alone", () => {
    expect(makeTimer(29).isOver(failure(undefined, "NETWORK"))).toBe(false);
    expect(makeTimer(30).isOver(failure(undefined, "NETWORK"))).toBe(true);
});
