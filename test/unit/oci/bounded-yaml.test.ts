import { parseBoundedYaml, parseBoundedYamlDocuments } from "../../../lib/oci/bounded-yaml";
import { BILLION_LAUGHS, NESTED } from "../../support/costly-text";

describe.each([
    ["one document", (text: string) => parseBoundedYaml(text)],
    ["several documents", (text: string) => parseBoundedYamlDocuments(text)],
])("%s", (_, read) => {
    it.each<[what: string, text: string, error: RegExp]>([
        ["lists", NESTED, /more than 64 levels/],
        ["maps", `a: ${"{a: ".repeat(1_000_000)}`, /more than 64 levels/],
        ["lists after text with closing brackets", `a: "${"]".repeat(1000)}"\nb: ${"[".repeat(65)}`, /64 levels/],
        ["lists on one line", "- ".repeat(2_000_000), /more than 64 levels/],
        ["maps on one line", "? ".repeat(2_000_000), /more than 64 levels/],
        ["lists and maps on one line", "- : ".repeat(1_000_000), /more than 64 levels/],
        ["levels of indentation", Array.from({ length: 4000 }, (_, at) => `${" ".repeat(at)}a:\n`).join(""), /stack/],
        ["aliases of aliases", BILLION_LAUGHS, /alias count/],
        ["bytes", `a: ${"x".repeat(16 * 1024 * 1024)}`, /bytes of YAML are more than 16777216/],
    ])("with too many %s is an error", (_, text, error) => {
        expect(() => read(text)).toThrow(error);
    });
});

test("what is not nested may have any number of brackets, indicators and aliases", () => {
    const images = Array.from({ length: 200 }, (_, at) => `- {image: [a${at}]}\n`).join("");
    expect(parseBoundedYaml(images)).toHaveLength(200);
    expect(
        parseBoundedYaml(`text: |\n  ${"[".repeat(100)}\n  ${"- ".repeat(100)}\nother: '${"[{".repeat(100)}'\n`),
    ).toEqual({
        text: `${"[".repeat(100)}\n${"- ".repeat(100)}\n`,
        other: "[{".repeat(100),
    });
    expect(parseBoundedYaml(`a: &a x\nb: [${Array(90).fill("*a").join(", ")}]\n`)).toMatchObject({ a: "x" });
    expect(parseBoundedYaml(`${"- ".repeat(40)}x`)).toBeDefined();
    expect(parseBoundedYamlDocuments("a: 1\n---\nb: 2\n")).toEqual([{ a: 1 }, { b: 2 }]);
    expect(parseBoundedYamlDocuments("")).toEqual([]);
});
