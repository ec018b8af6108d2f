import { FirstTurn } from "../../../lib/concurrency/first-turn";

/** Work that is begun, and ended from outside. */
function held() {
    const begun: string[] = [];
    const ends = new Map<string, { resolve: (name: string) => void; reject: (error: Error) => void }>();
    const work = (name: string) => () => {
        begun.push(name);
        return new Promise<string>((resolve, reject) => ends.set(name, { resolve, reject }));
    };
    return { begun, work, end: (name: string) => ends.get(name)?.resolve(name), ends };
}

const NAMES = ["first", "second", "third"];
const settled = () => new Promise(setImmediate);

test("the others begin when the first has ended, and nobody waits after that", async () => {
    const turn = new FirstTurn();
    const { begun, work, end } = held();
    const running = NAMES.map((name) => turn.run(undefined, work(name)));
    await settled();
    expect(begun).toEqual(["first"]);
    end("first");
    expect(await running[0]).toBe("first");
    await settled();
    expect(begun).toEqual(NAMES);
    const late = turn.run(undefined, work("late"));
    for (const name of [...NAMES, "late"]) end(name);
    expect(await Promise.all([...running, late])).toEqual([...NAMES, "late"]);
});

test("if the first fails, all others begin at once", async () => {
    const turn = new FirstTurn();
    const { begun, work, end, ends } = held();
    const [first, ...others] = NAMES.map((name) => turn.run(undefined, work(name)));
    ends.get("first")?.reject(new Error("lost"));
    await expect(first).rejects.toThrow("lost");
    await settled();
    expect(begun).toEqual(NAMES);
    for (const name of NAMES) end(name);
    expect(await Promise.all(others)).toEqual(NAMES.slice(1));
});

test("a signal ends the wait of the one whose it is", async () => {
    const turn = new FirstTurn();
    const { begun, work, end } = held();
    const over = new AbortController();
    const first = turn.run(undefined, work("first"));
    const second = turn.run(over.signal, work("second"));
    over.abort(new Error("no time left"));
    await expect(second).rejects.toThrow("no time left");
    end("first");
    expect(await first).toBe("first");
    await settled();
    expect(begun).toEqual(["first"]);
});
