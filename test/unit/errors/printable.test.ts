import { ArchiveError, PassthroughError, RegistryError } from "../../../lib/errors/errors";
import { formatGroups, formatProblem, problemToJson } from "../../../lib/errors/format";
import { schemaIssues } from "../../../lib/errors/schema-issues";
import { escapedLines, markdownCell, markdownCode, oneLine } from "../../../lib/errors/text";
import { parseLock } from "../../../lib/lock/lock";
import { nameSourceText } from "../../../lib/mirror/name-source";
import { z } from "zod";

/** Ends a line, colours, moves the cursor, rings, reverses the order of letters, and is a line of its own to some readers. */
const HOSTILE = "x\nerror: \u001b[2K\u001b[31mowned\r\u0007\u009b\u202egnp\u2028last\u200b";
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

const FACTS = { code: "ARCHIVE_ENTRY_INVALID", fix: `remove ${HOSTILE}` } as const;

test.each([
    ["an entry", new ArchiveError("bad", { ...FACTS, archive: HOSTILE, entry: HOSTILE })],
    ["a problem", new ArchiveError(`it links to ${HOSTILE}`, { ...FACTS, archive: "a.tar" })],
    ["a thing", new PassthroughError("bad", { ...FACTS, thing: HOSTILE, place: { file: HOSTILE } })],
    ["a key", new PassthroughError("bad", { ...FACTS, place: { key: HOSTILE } })],
    [
        "a registry",
        new RegistryError(HOSTILE, { ...FACTS, registry: HOSTILE, operation: HOSTILE, registryCode: HOSTILE }),
    ],
])("an error whose text quotes %s is one line without control characters", (_, error) => {
    expect(error.message).not.toMatch(UNPRINTABLE);
    expect(`${error.problem}${error.fix ?? ""}`).not.toMatch(UNPRINTABLE);
    expect(formatProblem(error)).not.toMatch(UNPRINTABLE);
});

test("names and problems of a list are one line each", () => {
    const problem = { code: "BLOB_UNKNOWN", problem: HOSTILE, fix: HOSTILE, thing: HOSTILE } as const;
    const lines = formatGroups([
        { name: HOSTILE, problem },
        { name: "b", problem },
    ]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toMatch(UNPRINTABLE);
});

test("lines that this program makes stay lines", () => {
    const error = new PassthroughError(`two names:\n  a${HOSTILE.slice(2)}\n  b`, {
        code: "ARCHIVE_NAMES_UNRESOLVED",
        fix: "write:\n  - a",
        isMultiline: true,
    });
    expect(error.message.split("\n")).toHaveLength(5);
    expect(error.message.replaceAll("\n", "")).not.toMatch(UNPRINTABLE);
    expect(problemToJson(error)).not.toHaveProperty("isMultiline");
});

test("untrusted text is one line, and JSON stays the same JSON", () => {
    expect(oneLine("a \r\n  b\u001b[0m")).toBe("a b\\u001b[0m");
    const json = JSON.stringify({ name: HOSTILE });
    expect(escapedLines(json)).not.toMatch(UNPRINTABLE);
    expect(JSON.parse(escapedLines(json))).toEqual({ name: HOSTILE });
});

test("what a schema says of untrusted data is one line", () => {
    const parsed = z.strictObject({ a: z.number() }).safeParse({ a: HOSTILE, [HOSTILE]: 1 });
    expect(parsed.success ? "" : schemaIssues(parsed.error)).toMatch(/^[^\n]*\(at a\); Unrecognized key/);
    expect(parsed.success ? "" : schemaIssues(parsed.error)).not.toMatch(UNPRINTABLE);
});

test("where a name comes from, and what is wrong with a lock, quote archive and lock in one line", () => {
    const text = nameSourceText({ from: "mapping", where: HOSTILE, name: HOSTILE });
    expect(text).not.toMatch(UNPRINTABLE);
    for (const lock of [`${HOSTILE}{`, JSON.stringify({ lockVersion: HOSTILE }), JSON.stringify({ [HOSTILE]: 1 })]) {
        const failing = () => parseLock(lock, "a.lock.json");
        expect(failing).toThrow(PassthroughError);
        expect(failing).not.toThrow(UNPRINTABLE);
    }
});

describe("Markdown", () => {
    const CELL = /^[^|<>\n`[\]*@]*$/;

    test.each([
        "a|b",
        "a\\|b",
        "a\\\\|b",
        "`code`",
        "<img src=x onerror=alert(1)>",
        "</details><script>",
        "![x](https://evil.example/?)",
        "[click](javascript:alert(1))",
        "@everyone **bold** &lt;b&gt;",
        HOSTILE,
        "line\n\n# heading\n| a | b |",
    ])("%j stays one cell, and one code span", (text) => {
        expect(markdownCell(text, 1000)).toMatch(CELL);
        expect(markdownCell(text, 1000)).not.toMatch(UNPRINTABLE);
        const code = markdownCode(text, 1000);
        expect(code).not.toMatch(UNPRINTABLE);
        expect(code.match(/`/g)).toHaveLength(2);
        // What GitHub splits rows by: a pipe that no backslash escapes.
        expect(code.replace(/\\[\\|]/g, "")).not.toContain("|");
    });

    test("an empty name is a code span, too", () => {
        expect(markdownCode("", 10)).toBe("`-`");
    });
});
