import type { ErrorCode } from "../../../lib/errors/codes";
import { RegistryError } from "../../../lib/errors/errors";
import { HostLimiter, type Pass, hostLimiter } from "../../../lib/distribution/limits/host-limiter";

const PATIENCE = 60_000;
const HOST = "registry.example:8443";
const failure = (code: ErrorCode, status?: number, retryAfter?: number) =>
    new RegistryError("no", { registry: HOST, operation: "GET x", code, status, retryAfter });

afterEach(() => jest.useRealTimers());

function newLimiter(ceiling: number): HostLimiter {
    const made = new HostLimiter(HOST);
    made.setCeiling(ceiling);
    return made;
}

const enter = (to: HostLimiter, signal?: AbortSignal) => to.enter("GET x", PATIENCE, signal);

/** Requests that got in, of so many that want to. */
async function entered(to: HostLimiter, wanted: number): Promise<number> {
    let count = 0;
    for (let i = 0; i < wanted; i++) void enter(to).then(() => count++);
    await new Promise(setImmediate);
    return count;
}

test("a host has one pace in the process", () => {
    expect(hostLimiter("https://a.example")).toBe(hostLimiter("https://a.example"));
    expect(hostLimiter("https://a.example")).not.toBe(hostLimiter("https://b.example"));
});

test("a few requests are in flight first, and no more than the ceiling", async () => {
    expect(await entered(newLimiter(3), 9)).toBe(3);
    expect(await entered(newLimiter(40), 50)).toBe(4);
});

test("more are in flight as long as answers come as quickly, up to the ceiling", async () => {
    let now = 0;
    const host = new HostLimiter(HOST, () => now);
    host.setCeiling(10);
    const inFlight: Pass[] = [];
    for (let i = 0; i < 200; i++) {
        void host
            .enter("GET x", PATIENCE, undefined, { load: "question", name: "GET" })
            .then((pass) => inFlight.push(pass));
    }
    const levels: number[] = [];
    for (let round = 0; round < 6; round++) {
        await new Promise(setImmediate);
        levels.push(inFlight.length);
        now += 50;
        for (const pass of inFlight.splice(0)) pass.answered(true);
    }
    expect(levels).toEqual([4, 8, 10, 10, 10, 10]);
});

test("a reserved question has room whatever is in flight, and only one of them has", async () => {
    const host = newLimiter(1);
    const upload = await host.enter("PUT x", PATIENCE, undefined, { load: "body" });
    const release = host.reserve();
    const read = await enter(host);
    expect(await entered(host, 1)).toBe(0);
    release();
    read.answered();
    expect(await entered(host, 1)).toBe(0);
    upload.answered();
});

test("bodies and questions each have room of their own, below one ceiling", async () => {
    const host = newLimiter(6);
    const bodies = [1, 2, 3, 4, 5].map(() => host.enter("PUT x", PATIENCE, undefined, { load: "body" }));
    expect(await entered(host, 5)).toBe(2);
    for (const body of bodies.slice(0, 2)) (await body).answered();
    await new Promise(setImmediate);
    expect(await entered(host, 0)).toBe(0);
});

test.each([
    ["429", failure("TOOMANYREQUESTS", 429)],
    ["502", failure("SERVER_ERROR", 502)],
    ["a locked database", failure("DATABASE_LOCKED", 400)],
    ["a lost connection", failure("NETWORK")],
    ["no answer in time", failure("TIMEOUT")],
])("%s halves what was in flight, a burst of it once", async (_, error) => {
    const host = newLimiter(24);
    const passes = await Promise.all(Array.from({ length: 4 }, () => enter(host)));
    for (const pass of passes) pass.failed(error);
    expect(host.requests).toBe(2);
    (await enter(host)).failed(error);
    expect(host.requests).toBe(1);
});

test.each([
    ["a refusal", failure("DENIED", 403)],
    ["an error of our own", new Error("the archive is torn")],
])("%s is no reason to go slower", async (_, error) => {
    const host = newLimiter(24);
    (await enter(host)).failed(error);
    expect(host.requests).toBe(24);
});

test("each round of answers adds one request, up to the ceiling", async () => {
    const host = newLimiter(3);
    (await enter(host)).failed(failure("NETWORK"));
    const seen: number[] = [host.requests];
    for (let answers = 0; answers < 8; answers++) {
        (await enter(host)).answered();
        seen.push(host.requests);
    }
    expect(seen).toEqual([1, 2, 2, 2, 3, 3, 3, 3, 3]);
});

test("a wait that one request was told holds back all others; one beyond patience is an error", async () => {
    const host = newLimiter(4);
    const began = Date.now();
    (await enter(host)).failed(failure("TOOMANYREQUESTS", 429, 0.05));
    (await enter(host)).answered();
    expect(Date.now() - began).toBeGreaterThanOrEqual(50);
    host.pause(PATIENCE + 5_000, failure("TOOMANYREQUESTS", 429));
    await expect(enter(host)).rejects.toMatchObject({ code: "TOOMANYREQUESTS", status: 429, retryAfter: 65 });
});

test("whoever waits for a place or at the gate goes when its signal says so, and takes no place with it", async () => {
    const host = newLimiter(1);
    const first = await enter(host);
    const abort = new AbortController();
    const queued = enter(host, abort.signal);
    abort.abort(new Error("enough"));
    await expect(queued).rejects.toThrow("enough");
    first.answered();
    host.pause(30_000, failure("TOOMANYREQUESTS", 429));
    const second = new AbortController();
    const gated = enter(host, second.signal);
    second.abort(new Error("enough too"));
    await expect(gated).rejects.toThrow("enough too");
    expect(host.requests).toBe(1);
});

test("whoever went while it waited took its place along, in the line and at the gate", async () => {
    const host = newLimiter(1);
    const first = await enter(host);
    const [inLine, atGate] = [new AbortController(), new AbortController()];
    const queued = enter(host, inLine.signal);
    inLine.abort(new Error("enough"));
    await expect(queued).rejects.toThrow("enough");
    first.answered();
    jest.useFakeTimers();
    host.pause(30_000, failure("TOOMANYREQUESTS", 429));
    const gated = enter(host, atGate.signal);
    atGate.abort(new Error("enough"));
    await expect(gated).rejects.toThrow("enough");
    jest.setSystemTime(Date.now() + 30_000);
    (await enter(host)).answered();
    (await enter(host)).answered();
});

test("a host that takes a part of a burst gets that many; all others wait only where it takes none", async () => {
    const refusal = failure("TOOMANYREQUESTS", 429);
    const host = newLimiter(24);
    const passes = await Promise.all([enter(host), enter(host), enter(host), enter(host)]);
    for (const pass of passes.slice(0, 1)) pass.failed(refusal);
    host.leaveAlone(2 * PATIENCE, refusal);
    expect(host.requests).toBe(2);
    for (const pass of passes.slice(1)) pass.answered();
    for (let i = 0; i < 9; i++) (await enter(host)).answered();
    expect(host.requests).toBe(3);
    const all = await Promise.all([enter(host), enter(host), enter(host)]);
    for (const pass of all) pass.failed(refusal);
    host.leaveAlone(2 * PATIENCE, refusal);
    await expect(enter(host)).rejects.toMatchObject({ status: 429, retryAfter: 120 });
});

test("a shorter wait does not end a longer one", async () => {
    const host = newLimiter(1);
    host.pause(PATIENCE + 5_000, failure("TOOMANYREQUESTS", 429));
    host.pause(1, failure("SERVER_ERROR", 503));
    await expect(enter(host)).rejects.toMatchObject({ status: 429, retryAfter: 65 });
});

test("an end that is told twice gives one place back", async () => {
    const host = newLimiter(2);
    const [first] = [await enter(host), await enter(host)];
    first?.answered();
    first?.failed(failure("NETWORK"));
    expect(host.requests).toBe(2);
    expect(await entered(host, 3)).toBe(1);
});

test("a new ceiling lets those in who wait, and does not hurry a host that was slowed down", async () => {
    const full = newLimiter(1);
    await enter(full);
    let got = 0;
    void enter(full).then(() => got++);
    full.setCeiling(2);
    await new Promise(setImmediate);
    expect(got).toBe(1);
    const slowed = newLimiter(8);
    (await enter(slowed)).failed(failure("NETWORK"));
    slowed.setCeiling(16);
    expect(slowed.requests).toBe(1);
});

test("a host is silent from its first failure until it answers anything", async () => {
    jest.useFakeTimers();
    const host = newLimiter(4);
    expect(host.silentFor).toBe(0);
    (await enter(host)).failed(failure("NETWORK"));
    jest.setSystemTime(Date.now() + 5000);
    (await enter(host)).failed(failure("TIMEOUT"));
    expect(host.silentFor).toBe(5000);
    (await enter(host)).failed(failure("DENIED", 403));
    expect(host.silentFor).toBe(0);
    (await enter(host)).failed(failure("NETWORK"));
    jest.setSystemTime(Date.now() + 5000);
    (await enter(host)).answered();
    expect(host.silentFor).toBe(0);
});
