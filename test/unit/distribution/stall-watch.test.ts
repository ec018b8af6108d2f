import { once } from "node:events";
import { StallWatch } from "../../../lib/distribution/http/stall-watch";

const CONTEXT = { registry: "registry.example:8443", operation: "PUT a/b" };

async function* body(): AsyncIterable<Uint8Array> {
    yield Buffer.from("first");
    yield Buffer.from("second");
}

test("a body whose pieces nobody takes ends its request, as a timeout that may be tried again", async () => {
    const watch = new StallWatch(CONTEXT, undefined, 5);
    const pieces = watch.chunks(body())[Symbol.asyncIterator]();
    await pieces.next();
    await once(watch.signal, "abort");
    expect(watch.signal.reason).toMatchObject({ code: "TIMEOUT", operation: "PUT a/b" });
});

test("a request that its run gives up ends for the run's reason", () => {
    const run = new AbortController();
    const { signal } = new StallWatch(CONTEXT, run.signal, 60_000);
    run.abort(new Error("enough"));
    expect(signal.reason).toEqual(new Error("enough"));
});

test("a body that is taken is passed on whole, and the time after it is not watched", async () => {
    jest.useFakeTimers();
    const watch = new StallWatch(CONTEXT, new AbortController().signal, 60_000);
    const taken: Uint8Array[] = [];
    for await (const piece of watch.chunks(body())) taken.push(piece);
    expect(Buffer.concat(taken).toString()).toBe("firstsecond");
    jest.advanceTimersByTime(120_000);
    jest.useRealTimers();
    expect(watch.signal.aborted).toBe(false);
});

test("of a large piece little has to be taken in time: a slow connection is no dead one", async () => {
    const large = Buffer.alloc(1024 * 1024, "large");
    const watch = new StallWatch(CONTEXT, undefined, 60_000);
    const taken: Uint8Array[] = [];
    const one = async function* () {
        yield large;
    };
    for await (const piece of watch.chunks(one())) taken.push(piece);
    expect(Buffer.concat(taken).equals(large)).toBe(true);
    expect(Math.max(...taken.map(({ length }) => length))).toBe(256 * 1024);
});
