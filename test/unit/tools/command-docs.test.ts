import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../../support/stack";
import { inModule } from "./script-module";

const PAGE = readFileSync(join(PROJECT, "docs/command-line.md"), "utf8");

/** The page as the script writes it, after a change of the definitions. */
async function documented(text: string, change = "") {
    const body = `
        const { createRequire } = await import("node:module");
        const load = createRequire(${JSON.stringify(join(PROJECT, "package.json"))});
        const definitions = [...load("./dist/cli/program.js").commandDefinitions()];
        const plan = definitions.find(({ command }) => command.name() === "plan");
        ${change};
        return m.documented(input, definitions);`;
    return inModule("command-docs.mjs", body, text);
}

test("docs/command-line.md has every command with its options and exit codes (npm run docs:commands)", async () => {
    expect((await documented(PAGE)).value).toBe(PAGE);
});

test.each([
    ["an option more", 'plan.command.option("--new", "does something")', "| `--new` "],
    ["another description", 'plan.command.options[0].description = "another"', "| another "],
    ["an exit code more", 'plan.exitCodes.push([9, "new"])', "| 9 "],
])("%s changes the page", async (_, change, expected) => {
    const { value } = await documented(PAGE, change);
    expect(value).not.toBe(PAGE);
    expect(value).toContain(expected);
});

test("a command without a place in the page is an error, and so is a place without a command", async () => {
    const { error } = await documented(PAGE, "definitions.push(plan)");
    expect(error).toContain(
        "places for lock, doctor, plan, import, up, verify, coverage, render, selftest, check, report, superseded, schedule, registry-image; the commands are lock,",
    );
    expect((await documented(PAGE, "definitions.pop()")).error).toContain("verify, coverage, render");
});
