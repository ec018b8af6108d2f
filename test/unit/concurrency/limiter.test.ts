import { Limiter, mapLimited } from "../../../lib/concurrency/limiter";

test("a place that nobody waits for is free again", async () => {
    const limiter = new Limiter(1);
    const begun: number[] = [];
    for (const n of [1, 2, 3]) await limiter.run(async () => begun.push(n));
    expect(begun).toEqual([1, 2, 3]);
});

test("who waits gets in by the order of coming", async () => {
    const limiter = new Limiter(1);
    const begun: number[] = [];
    await Promise.all([1, 2, 3, 4].map((n) => limiter.run(async () => begun.push(n))));
    expect(begun).toEqual([1, 2, 3, 4]);
});

test("after a failure nothing further is begun", async () => {
    const begun: number[] = [];
    const operation = async (n: number) => {
        begun.push(n);
        if (n === 2) throw new Error("the second one fails");
    };
    await expect(mapLimited([1, 2, 3, 4], 1, operation)).rejects.toThrow("the second one fails");
    await new Promise(setImmediate);
    expect(begun).toEqual([1, 2]);
});

test("a limit that grows lets more begin when one ends, and one that falls lets none begin", async () => {
    let limit = 1;
    const limiter = new Limiter(() => limit);
    const ends: (() => void)[] = [];
    const begin = () => limiter.run(() => new Promise<void>((resolve) => ends.push(resolve)));
    for (let i = 0; i < 5; i++) void begin();
    const settle = () => new Promise(setImmediate);
    await settle();
    expect(ends).toHaveLength(1);
    limit = 3;
    ends[0]?.();
    await settle();
    expect(ends).toHaveLength(4);
    limit = 1;
    ends[1]?.();
    ends[2]?.();
    await settle();
    expect(ends).toHaveLength(4);
    ends[3]?.();
    await settle();
    expect(ends).toHaveLength(5);
});

test("as many run at once as a limit says that is asked whenever one has ended", async () => {
    let limit = 2;
    const ends: (() => void)[] = [];
    const all = mapLimited(
        [1, 2, 3, 4, 5],
        () => limit,
        (n) => new Promise<number>((resolve) => ends.push(() => resolve(2 * n))),
    );
    const settle = () => new Promise(setImmediate);
    await settle();
    expect(ends).toHaveLength(2);
    limit = 3;
    ends[0]?.();
    await settle();
    expect(ends).toHaveLength(4);
    limit = 1;
    ends[1]?.();
    ends[2]?.();
    await settle();
    expect(ends).toHaveLength(4);
    ends[3]?.();
    await settle();
    ends[4]?.();
    expect(await all).toEqual([2, 4, 6, 8, 10]);
});
