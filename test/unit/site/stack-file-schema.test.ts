import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as ajv from "ajv";
import { parse } from "yaml";
import { mergeDocuments, siteSchema, stackFileJsonSchema } from "../../../lib/site";
import { PROJECT } from "../../support/stack";

const SCHEMA = "config/stack-file.schema.json";
const validate = ajv({ allErrors: true }).compile(stackFileJsonSchema());

/** What the schema says against a stack file: the place and the keyword of each violation. */
function violations(stackFile: unknown): string[] {
    validate(stackFile);
    return (validate.errors ?? []).map(({ dataPath, keyword }) => `${dataPath} ${keyword}`);
}

function trackedFiles(pattern: string): string[] {
    const { stdout } = spawnSync("git", ["ls-files", "-z", "--", pattern], { cwd: PROJECT, encoding: "utf8" });
    return stdout.split("\0").filter((name) => name !== "" && existsSync(join(PROJECT, name)));
}

/** Stack files of the repository, and those that pages of the documentation show whole. */
const FILES = trackedFiles(":(glob)**/Pulumi.*.yaml").map((path) => ({
    name: path,
    text: readFileSync(join(PROJECT, path), "utf8"),
    folder: dirname(path),
}));
const SHOWN = trackedFiles(":(glob)docs/**/*.md").flatMap((path) =>
    [...readFileSync(join(PROJECT, path), "utf8").matchAll(/^```yaml\n([\s\S]*?)^```/gm)]
        .map(([, text = ""]) => ({ name: path, text, folder: "." }))
        .filter(({ text }) => /^ {4}registry-passthrough:site:/m.test(text)),
);

test("the repository has stack files, and documentation that shows some", () => {
    const names = [...FILES, ...SHOWN].map(({ name }) => name);
    expect(names).toEqual(
        expect.arrayContaining(["Pulumi.dev.yaml", "docs/tutorial.md", "docs/how-to/several-sites.md"]),
    );
    expect(names.filter((name) => name.startsWith("examples/"))).toHaveLength(7);
});

test.each([...FILES, ...SHOWN])("the stack file in $name follows the schema and the program's own", ({ text }) => {
    const { config } = parse(text) as { config: Record<string, unknown> };
    expect(violations(parse(text))).toEqual([]);
    // Like the quickstart's run-time defaults: the tracked file of `dev` has no mirror base.
    const defaults = { registry: { mirrorBase: "localhost:5000/mirror" } };
    const site = siteSchema.safeParse(mergeDocuments(defaults, config["registry-passthrough:site"]));
    expect(site.error?.issues ?? []).toEqual([]);
});

test.each(FILES)("$name names the schema in its first line", ({ text, folder }) => {
    const [, path = ""] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text) ?? [];
    // A site repository has the schema in the installed package.
    const installed = join(folder, "node_modules/registry-passthrough", SCHEMA);
    expect([SCHEMA, installed]).toContain(join(folder, path));
});

test.each(SHOWN)("the stack file in $name names it too", ({ text }) => {
    expect(text).toMatch(/^# yaml-language-server: \$schema=config\/stack-file\.schema\.json\n/);
});

test("the commands of the examples turn the path of the schema into that of a file in the root", () => {
    // Those of a site repository stay as they are.
    const copied = FILES.filter(({ name, text }) => name.startsWith("examples/") && text.includes("../../config/"));
    expect(copied).toHaveLength(5);
    for (const { name, text, folder } of copied) {
        const readme = readFileSync(join(PROJECT, folder, "README.md"), "utf8");
        const [command = ""] = /^ *sed .*$/m.exec(readme) ?? [];
        const script = command.replace(/>.*$/, "").trim();
        const result = spawnSync("bash", ["-c", script], { cwd: PROJECT, encoding: "utf8" }).stdout;
        expect(`${name}: ${result}`).toBe(`${name}: ${text.replace("../../config", "config")}`);
    }
});

const SITE = { registry: { type: "distribution", mirrorBase: "r.example/mirror" } };
const withSite = (site: object, others: object = {}) => ({
    config: { "registry-passthrough:site": { ...SITE, ...site }, ...others },
});
const SECURE = { secure: "v1:…" };

test("keys of Pulumi, of other namespaces, and secrets as Pulumi writes them are allowed", () => {
    const flat = { "registry-passthrough:registryUsername": "u", "registry-passthrough:registryPassword": SECURE };
    const file = { ...withSite({}, { ...flat, "aws:region": "eu" }), encryptionsalt: "v1:…", environment: ["shared"] };
    expect(violations(file)).toEqual([]);
    expect(violations({ config: { "registry-passthrough:defaults": { registry: { type: "quay" } } } })).toEqual([]);
});

test.each<[string, object, string]>([
    ["a password in the clear", withSite({}, { "registry-passthrough:registryPassword": "secret" }), " type"],
    ["a flat key that does not exist", withSite({}, { "registry-passthrough:password": SECURE }), "false schema"],
    ["a key of defaults that does not exist", { config: { "registry-passthrough:defaults": { a: 1 } } }, "additional"],
    ["no file but a list", [], " type"],
])("%s is a mistake", (_, file, expected) => {
    expect(violations(file).join()).toContain(expected);
});

test.each<[object, string]>([
    [{ registry: { type: "nexus" } }, "registry.type enum"],
    [{ registry: { ...SITE.registry, quota: "500" } }, "registry.quota pattern"],
    [{ content: [{ archive: "a" }] }, "content[0] required"],
    [{ content: [{ archive: [], lock: "l" }] }, "content[0].archive minItems"],
    [{ content: [{ archive: "a", lock: "l", overrides: [{ match: "x" }] }] }, "overrides[0] required"],
    [{ cluster: { version: 4.2 } }, "cluster.version type"],
    [{ transfer: { concurrency: 65 } }, "transfer.concurrency maximum"],
    [{ validation: { wholeImages: 0.5 } }, "validation.wholeImages type"],
    [{ robots: { puller: { overlap: "7" } } }, "robots.puller.overlap pattern"],
    [{ robots: { puller: { rotation: "in place" } } }, "robots.puller.rotation enum"],
    [{ onremove: "keep" }, "additionalProperties"],
])("%j is a mistake, to the program as to the schema", (site, expected) => {
    expect(violations(withSite(site)).join()).toContain(expected);
    expect(siteSchema.safeParse({ ...SITE, ...site }).success).toBe(false);
});

test("values at their limits are right, to the program as to the schema", () => {
    const site = {
        transfer: { concurrency: 64, requests: 256, retrySeconds: 0 },
        validation: { wholeImages: 100_000 },
        robots: { importer: { maxAge: "1d" }, puller: { maxAge: "3650d", overlap: "0d" } },
    };
    expect(violations(withSite(site))).toEqual([]);
    expect(siteSchema.safeParse({ ...SITE, ...site }).error).toBeUndefined();
});

test("the schema has standard keywords only, and descriptions with the defaults that are not constants", () => {
    const text = JSON.stringify(stackFileJsonSchema());
    expect(text).not.toMatch(/"(fix|defaultText|typeText|exampleText|isSecret)":/);
    expect(text).toContain("public CAs. What the certificate needs: docs/security.md#tls. Default: public CAs only");
});
