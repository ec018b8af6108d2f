import { untilAborted } from "../../../lib/concurrency/until-aborted";

const never = new Promise<never>(() => undefined);
const REASON = new Error("interrupted");

test("gives what the work gives, with and without a signal", async () => {
    const { signal } = new AbortController();
    await expect(untilAborted(Promise.resolve(1), undefined)).resolves.toBe(1);
    await expect(untilAborted(Promise.resolve(2), signal)).resolves.toBe(2);
    await expect(untilAborted(Promise.reject(new Error("failed")), signal)).rejects.toThrow("failed");
});

test("a signal ends the wait of its own caller only", async () => {
    let finish = (_: string) => {};
    const work = new Promise<string>((resolve) => (finish = resolve));
    const stop = new AbortController();
    const waits = [untilAborted(work, stop.signal), untilAborted(work, new AbortController().signal)];
    stop.abort(REASON);
    await expect(waits[0]).rejects.toBe(REASON);
    finish("done");
    await expect(waits[1]).resolves.toBe("done");
});

test("a signal that was aborted before ends it at once", async () => {
    await expect(untilAborted(never, AbortSignal.abort(REASON))).rejects.toBe(REASON);
});
