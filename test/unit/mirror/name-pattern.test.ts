import * as fc from "fast-check";
import { NamePattern } from "../../../lib/mirror/name-pattern";

const matches = (pattern: string, name: string) => new NamePattern(pattern).matches(name);

it.each<[pattern: string, matching: string[], others: string[]]>([
    ["app:1", ["app:1"], ["app:10", "xapp:1", ""]],
    ["*", ["a", "a.b", ".a", ""], ["a/b", "/"]],
    ["a*c", ["ac", "abc", "abcc"], ["a/c", "acb", "bac"]],
    ["a?c", ["abc", "a😀c"], ["ac", "a/c", "abbc"]],
    ["*/u?i", ["ubi9/ubi", "/ubi"], ["ubi", "a/ubi9/ubi"]],
    ["ubi9/**", ["ubi9/ubi:9.4", "ubi9/a/b", "ubi9/"], ["ubi9", "ubi8/ubi"]],
    ["**/ubi", ["ubi", "a/ubi", "a/b/ubi"], ["xubi", "a/xubi", "a/ubi/b"]],
    ["a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb", "a/b/c"]],
    ["a**b", ["ab", "a/x/b", "axb"], ["a/x/c"]],
    ["a**/b", ["a/b", "ax/b", "a/x/y/b"], ["ab", "axb"]],
    ["**:1", ["quay.io/org/app:1", ":1"], ["quay.io/org/app:2"]],
    ["***", ["", "a/b"], []],
    ["**/**/x*", ["x", "a/xy", "a/b/x"], ["a/x/b"]],
    ["a.b+c(d)|[e]{f,g}!^$\\", ["a.b+c(d)|[e]{f,g}!^$\\"], ["aXb+c(d)|[e]{f,g}!^$\\", "a.b"]],
    ["[ab]*", ["[ab]", "[ab]x"], ["a", "ax"]],
    ["!*", ["!x"], ["x", "a"]],
    ["a*b", ["a\nb"], []],
])("%s", (pattern, matching, others) => {
    expect(matching.filter((name) => !matches(pattern, name))).toEqual([]);
    expect(others.filter((name) => matches(pattern, name))).toEqual([]);
});

/** By trying everything: right, and far too slow for long names. */
function matchesByTrying(pattern: string, name: string, isPartStart = true): boolean {
    if (pattern === "") return name === "";
    const stars = /^\*\*+/.exec(pattern)?.[0];
    const rest = (text: string) => text.slice(stars?.length ?? 1);
    const ends = Array.from({ length: name.length + 1 }, (_, at) => at);
    if (stars !== undefined && isPartStart && rest(pattern).startsWith("/")) {
        const behind = rest(pattern).slice(1);
        return ends.some((at) => (at === 0 || name[at - 1] === "/") && matchesByTrying(behind, name.slice(at)));
    }
    if (stars !== undefined) return ends.some((at) => matchesByTrying(rest(pattern), name.slice(at), false));
    if (pattern.startsWith("*")) {
        const within = ends.filter((at) => !name.slice(0, at).includes("/"));
        return within.some((at) => matchesByTrying(rest(pattern), name.slice(at), false));
    }
    const [first] = name;
    if (first === undefined) return false;
    const isMatch = pattern.startsWith("?") ? first !== "/" : pattern.startsWith(first);
    return isMatch && matchesByTrying(rest(pattern), name.slice(1), first === "/");
}

it("is what trying every way finds", () => {
    const text = (...units: string[]) =>
        fc.array(fc.constantFrom(...units), { maxLength: 7 }).map((found) => found.join(""));
    fc.assert(
        fc.property(text("a", "b", "/", "*", "**", "**/", "?"), text("a", "b", "/"), (pattern, name) => {
            expect([pattern, name, matches(pattern, name)]).toEqual([pattern, name, matchesByTrying(pattern, name)]);
        }),
        { numRuns: 5000, seed: 1 },
    );
});

it("a folder is looked into only if something below it may match", () => {
    const mayMatchBelow = (pattern: string, folder: string) => new NamePattern(pattern).mayMatchBelow(folder);
    expect(mayMatchBelow("2026-*/*.tar", "2026-11")).toBe(true);
    expect(mayMatchBelow("2026-*/*.tar", "2025-11")).toBe(false);
    expect(mayMatchBelow("2026-*/*.tar", "2026-11/deep")).toBe(false);
    expect(mayMatchBelow("**/*.tar", "a/b/c")).toBe(true);
    expect(mayMatchBelow("a**b", "a/x")).toBe(true);
    expect(mayMatchBelow("*.tar", "x.tar")).toBe(false);
});

it("a name is read once, however many ways a pattern has: the cost is linear in its length", () => {
    const length = 200_000;
    let read = 0;
    function* name() {
        for (; read < length; read++) yield "a";
    }
    expect(new NamePattern(`${"*a".repeat(20)}b`).matches(name())).toBe(false);
    expect(read).toBe(length);
    expect(matches(`${"**/".repeat(20)}${"*a**a".repeat(20)}b`, "a/".repeat(1000))).toBe(false);
});
