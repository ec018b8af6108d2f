import type { ErrorCode } from "../../../lib/errors/codes";
import { RegistryError } from "../../../lib/errors/errors";
import { Limiter, mapLimited } from "../../../lib/concurrency/limiter";
import { once } from "../../../lib/concurrency/once";
import { responseError, retryAfterSeconds } from "../../../lib/distribution/client/response-errors";
import { isRetryable, withRetry } from "../../../lib/distribution/limits/retry";
import type { HttpResponse } from "../../../lib/distribution/http/transport";

const POLICY = { seconds: 60, firstDelay: 1, longestDelay: 2 };

const CONTEXT = { registry: "registry.example:8443", operation: "GET x" };
const failure = (code: ErrorCode, status?: number, retryAfter?: number) =>
    new RegistryError("no", { ...CONTEXT, code, status, retryAfter });

test.each([408, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524])("%d passes by itself", (status) => {
    expect(isRetryable(failure("SERVER_ERROR", status))).toBe(true);
});

test.each([400, 401, 403, 404, 405, 413, 416])("%d does not", (status) => {
    expect(isRetryable(failure("SERVER_ERROR", status))).toBe(false);
});

test("a lost connection and a missing answer pass; distrust, wrong bytes, an abort and bugs do not", () => {
    expect((["NETWORK", "TIMEOUT"] as const).map((code) => isRetryable(failure(code)))).toEqual([true, true]);
    const final = [failure("TLS"), failure("DIGEST_MISMATCH", 200), failure("ABORTED"), new TypeError("a bug")];
    expect(final.map(isRetryable)).toEqual([false, false, false, false]);
});

test("an upload that the registry has lost is begun anew, but not what begins one; read-only does not pass", () => {
    const lost = (operation: string) =>
        new RegistryError("no", { ...CONTEXT, operation, code: "BLOB_UPLOAD_UNKNOWN", status: 404 });
    expect(isRetryable(lost("PUT a/b/blobs/x"))).toBe(true);
    expect(isRetryable(lost("POST a/b/blobs/uploads/"))).toBe(false);
    expect(isRetryable(failure("REGISTRY_READ_ONLY", 503))).toBe(false);
});

test("waits double up to the longest, and begin anew for what has gone on", async () => {
    jest.spyOn(Math, "random").mockReturnValue(0.5);
    const waits: number[] = [];
    let tries = 0;
    const operation = async (goneOn: () => void) => {
        if (++tries === 5) goneOn();
        if (tries < 7) throw failure("NETWORK");
    };
    const policy = { seconds: 60, firstDelay: 1, longestDelay: 4 };
    await withRetry(policy, undefined, operation, (_, milliseconds) => waits.push(milliseconds));
    expect(waits).toEqual([1, 2, 4, 4, 1, 2]);
    jest.restoreAllMocks();
});

test("a date in Retry-After is one of the registry's clock", () => {
    const headers = { date: "Thu, 01 Jan 2015 00:00:00 GMT", "retry-after": "Thu, 01 Jan 2015 00:00:30 GMT" };
    const response = { context: CONTEXT, status: 503, headers } as unknown as HttpResponse;
    expect(responseError(response, "").retryAfter).toBe(30);
});

test.each(["1e400", "Infinity", "-5", "soon"])("a Retry-After of %s is none", (header) => {
    const response = { context: CONTEXT, status: 503, headers: { "retry-after": header } } as unknown as HttpResponse;
    expect(responseError(response, "").retryAfter).toBeUndefined();
});

test("the last error is thrown once the time is over", async () => {
    let count = 0;
    const attempts = withRetry({ ...POLICY, seconds: 0 }, undefined, () => Promise.reject(failure("NETWORK", ++count)));
    await expect(attempts).rejects.toMatchObject({ status: 1 });
});

test("a registry that asks for more patience than there is gets no second try", async () => {
    const operation = jest.fn(() => Promise.reject(failure("TOOMANYREQUESTS", 429, 61)));
    await expect(withRetry(POLICY, undefined, operation)).rejects.toMatchObject({ retryAfter: 61 });
    expect(operation).toHaveBeenCalledTimes(1);
});

test("a Retry-After of a year is told, and not waited for", async () => {
    const headers = { "retry-after": "31536000" };
    const error = responseError({ context: CONTEXT, status: 429, headers } as unknown as HttpResponse, "");
    const operation = jest.fn(() => Promise.reject(error));
    await expect(withRetry(POLICY, undefined, operation)).rejects.toThrow(
        "TOOMANYREQUESTS (429, retry after 31536000 s) at registry.example:8443: GET x: ",
    );
    expect(operation).toHaveBeenCalledTimes(1);
});

test("an abort ends the wait between two tries, with its own reason", async () => {
    const abort = new AbortController();
    const operation = jest.fn(() => {
        setImmediate(() => abort.abort(new Error("enough")));
        return Promise.reject(failure("TOOMANYREQUESTS", 429, 50));
    });
    await expect(withRetry(POLICY, abort.signal, operation)).rejects.toThrow("enough");
    await expect(withRetry(POLICY, abort.signal, operation)).rejects.toThrow("enough");
    expect(operation).toHaveBeenCalledTimes(1);
});

test.each([
    ["seconds", "7", 7],
    ["a date to come", "Thu, 01 Jan 2026 00:00:30 GMT", 30],
    ["a date gone by", "Wed, 31 Dec 2025 23:59:00 GMT", 0],
    ["nonsense", "soon", undefined],
    ["a time that is over, as a number", "-5", undefined],
    ["a part of a second", "1.5", 1.5],
    ["a blank", " ", undefined],
    ["nothing", undefined, undefined],
])("Retry-After with %s is read", (_, header, seconds) => {
    expect(retryAfterSeconds(header, Date.parse("2026-01-01T00:00:00Z"))).toBe(seconds);
});

test("never more operations than the limit run, all get their turn in order, and a failure gives its place back", async () => {
    const limiter = new Limiter(2);
    const open: (() => void)[] = [];
    const begun: number[] = [];
    const run = (n: number) =>
        limiter.run(async () => {
            begun.push(n);
            await new Promise<void>((resolve) => open.push(resolve));
            if (n === 1) throw new Error("the first one fails");
            return n;
        });
    const runs = [1, 2, 3].map(run);
    expect(begun).toEqual([1, 2]);
    open.shift()?.();
    await expect(runs[0]).rejects.toThrow("the first one fails");
    runs.push(run(4));
    expect(begun).toEqual([1, 2, 3]);
    for (const n of [2, 3, 4]) {
        open.shift()?.();
        await runs[n - 1];
    }
    expect(begun).toEqual([1, 2, 3, 4]);
    expect(await mapLimited(["a", "b", "c"], 1, async (text) => text.toUpperCase())).toEqual(["A", "B", "C"]);
});

test("what goes on between its failures is not given up, however often it fails", async () => {
    const policy = { seconds: 0.1, firstDelay: 40, longestDelay: 40 };
    const failing = (goesOn: boolean) => {
        let attempts = 0;
        return async (goneOn: () => void) => {
            if (goesOn) goneOn();
            if (++attempts < 6) throw failure("NETWORK");
            return attempts;
        };
    };
    expect(await withRetry(policy, undefined, failing(true))).toBe(6);
    await expect(withRetry(policy, undefined, failing(false))).rejects.toThrow("no");
});

test("a question is asked once, its failure shared", async () => {
    const answers = new Map<string, Promise<number>>();
    const ask = jest.fn(() => Promise.reject(new Error("no")));
    const [first, second] = [once(answers, "q", ask), once(answers, "q", ask)];
    await expect(first).rejects.toThrow("no");
    await expect(second).rejects.toThrow("no");
    expect(ask).toHaveBeenCalledTimes(1);
});
