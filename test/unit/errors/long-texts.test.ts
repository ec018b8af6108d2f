import { ArchiveError, PassthroughError } from "../../../lib/errors/errors";
import { formatGroups, problemToJson } from "../../../lib/errors/format";
import { parseReference } from "../../../lib/oci/reference";

const LONG = 10_000_000;

function refusal(text: string): PassthroughError {
    try {
        parseReference(text);
    } catch (error) {
        if (error instanceof PassthroughError) return error;
    }
    throw new Error("it was not refused");
}

test.each([
    ["upper-case letters", `quay.io/${"A".repeat(LONG)}`, "at most 255 are allowed"],
    ["a host that is none", `${"a-".repeat(LONG / 2)}.example/app`, "is not a host"],
    ["too many characters", `quay.io/${"a".repeat(LONG)}`, "at most 255 are allowed"],
    ["a tag that is none", `quay.io/a:${"-".repeat(LONG)}`, "is not a tag"],
])("the error for an image name of 10 MB with %s is short, and still says why", (_, text, why) => {
    const error = refusal(text);
    expect(error.message.length).toBeLessThan(5000);
    expect(error.message).toContain("…");
    expect(error.message).toContain(why);
    expect(JSON.stringify(problemToJson(error)).length).toBeLessThan(5000);
});

test("words, lines, names and places without an end are cut, also where they are escaped or have spaces", () => {
    const facts = { code: "ARCHIVE_ENTRY_INVALID" } as const;
    for (const long of ["x".repeat(LONG), "x ".repeat(LONG / 2), "\u0007".repeat(LONG)]) {
        const archive = new ArchiveError(long, { ...facts, archive: long, entry: long, fix: long });
        expect(archive.message.length).toBeLessThan(200_000);
        const named = new PassthroughError("bad", { ...facts, thing: long, operation: long, place: { file: long } });
        expect(named.message.length).toBeLessThan(200_000);
        const problem = { ...facts, problem: long, thing: long };
        expect(formatGroups([{ name: long, problem }]).join("\n").length).toBeLessThan(200_000);
    }
});

test("a cut line of several does not hide the others", () => {
    const problem = `two problems:\n  ${"a ".repeat(LONG / 2)}\n  the last`;
    const { message } = new PassthroughError(problem, { code: "CONFIG_INVALID", isMultiline: true, fix: "correct it" });
    expect(message.length).toBeLessThan(50_000);
    expect(message).toMatch(/…\n {2}the last\ncorrect it$/);
});
