import { readFileSync } from "node:fs";
import { join } from "node:path";
import { accountKeys, siteKeys, stackFileJsonSchema } from "../../../lib/site";
import { PROJECT } from "../../support/stack";
import { inModule } from "./script-module";

const PAGE = readFileSync(join(PROJECT, "docs/configuration.md"), "utf8");
const KEYS = { site: siteKeys(), accounts: accountKeys() };
const documented = (keys: object, text = PAGE) =>
    inModule("config-docs.mjs", "return m.documented(input.text, input.keys);", { text, keys });

test("docs/configuration.md has every key (npm run docs:config)", async () => {
    expect((await documented(KEYS)).value).toBe(PAGE);
});

test("config/stack-file.schema.json is the schema of today (npm run docs:config)", async () => {
    const written = readFileSync(join(PROJECT, "config/stack-file.schema.json"), "utf8");
    const { value } = await inModule("config-docs.mjs", "return m.schemaText(input);", stackFileJsonSchema());
    expect(value).toBe(written);
});

test.each(["description", "defaultText", "fix", "typeText"])("another %s changes the page", async (property) => {
    const [first, ...rest] = KEYS.accounts;
    const { value } = await documented({ ...KEYS, accounts: [{ ...first, [property]: "something new" }, ...rest] });
    expect(value).not.toBe(PAGE);
    expect(value).toContain("something new");
});

test("examples are YAML: texts that YAML would read as numbers have quotes", () => {
    expect(PAGE).toContain('- Example: `version: "4.18"`');
    expect(PAGE).toContain("- Example: `upstreams: [quay.io, registry.redhat.io]`");
});

test("every link to a page of docs/ is one", () => {
    expect(PAGE).not.toMatch(/(?<!`)\bdocs\/[\w-]+\.md/);
});

test("a part without a place in the page is an error, and so is a place without a part", async () => {
    const { error } = await documented({ ...KEYS, more: [] });
    expect(error).toBe("docs/configuration.md has places for site, accounts; the parts are site, accounts, more");
    expect((await documented({ site: KEYS.site })).error).toContain("the parts are site");
});
