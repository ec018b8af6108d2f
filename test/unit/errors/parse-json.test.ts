import { parseJson } from "../../../lib/errors/text";
import { parseLock } from "../../../lib/lock/lock";

test.each(["[", '{"a":', '[{"b":['])("JSON that is nested without end is no JSON: %s", (level) => {
    const text = level.repeat(1_000_000);
    const parse = jest.spyOn(JSON, "parse");
    try {
        expect(parseJson(text)).toBeUndefined();
        expect(() => parseLock(text, "a.lock.json")).toThrow(/not JSON: more than 64 levels/);
        // It is the parser that takes the memory.
        expect(parse).not.toHaveBeenCalled();
    } finally {
        parse.mockRestore();
    }
});

test("brackets in texts are no levels", () => {
    const value = { text: `${"[".repeat(1000)}\\"{`, list: [[1]] };
    expect(parseJson(JSON.stringify(value))).toEqual(value);
    expect(parseJson("[".repeat(64) + "]".repeat(64))).toBeDefined();
});
