import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ERROR_CODES } from "../../../lib/errors/codes";
import { PROJECT } from "../../support/stack";

/** The headings of docs/troubleshooting.md, in the order of the groups. */
const HEADINGS: Readonly<Record<keyof typeof ERROR_CODES, string>> = {
    archives: "Archives and locks",
    names: "Names",
    registry: "The registry",
    network: "Network and TLS",
    cluster: "The cluster",
    hosts: "Hosts over SSH",
    configuration: "Configuration and mirror rules",
    accounts: "Accounts and rights",
    validation: "Validation and selftest",
    stack: "Stacks and state",
};

const [, ...groups] = readFileSync(join(PROJECT, "docs/troubleshooting.md"), "utf8").split(/^## /m);
const chapters = groups.map((text) => {
    const [title = "", ...entries] = text.split(/^### /m);
    return { title: title.trim(), entries: entries.map(parseEntry) };
});

function parseEntry(text: string) {
    const [code = "", meaning = "", ...fixes] = text.trim().split("\n\n");
    return { code, meaning, fix: fixes.join("\n\n") };
}

test("docs/troubleshooting.md has one entry for each code, in its group and in order, and none for another", () => {
    const written = chapters.map(({ title, entries }) => [title, entries.map(({ code }) => code)]);
    const expected = Object.entries(ERROR_CODES).map(([group, codes]) => [
        HEADINGS[group as keyof typeof ERROR_CODES],
        [...codes],
    ]);
    expect(written).toEqual(expected);
});

test("each entry says what the code means and what to do", () => {
    const incomplete = chapters
        .flatMap(({ entries }) => entries)
        .filter(({ meaning, fix }) => meaning.length < 20 || !/^\*\*Fix:\*\* \S/.test(fix));
    expect(incomplete).toEqual([]);
});
