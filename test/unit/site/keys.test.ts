import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { accountKeys, siteJsonSchema, siteKeys, siteSchema } from "../../../lib/site";
import { PROJECT } from "../../support/stack";

const keys = siteKeys();
const key = (name: string) => keys.find((known) => known.key === name);

test("every key has a description, and every optional one that holds a value its default", () => {
    expect(keys.filter(({ description }) => description === "")).toEqual([]);
    const groups = ["", "registry", "cluster", "transfer", "validation", "robots", "robots.importer", "robots.puller"];
    const values = keys.filter((known) => !groups.includes(known.key));
    expect(values.filter((known) => !known.isRequired && known.defaultText === undefined)).toEqual([]);
    expect(values.filter((known) => known.isRequired).map((known) => known.key)).toEqual([
        "registry.type",
        "registry.mirrorBase",
        "content[].archive",
        "content[].lock",
        "content[].overrides[].match",
        "content[].overrides[].registry",
    ]);
});

test("keys are listed with what the documentation and the messages show", () => {
    expect(keys.map((known) => known.key)).toEqual(expect.arrayContaining(["", "registry", "robots.puller.overlap"]));
    expect(key("registry.mirrorBase")).toEqual({
        key: "registry.mirrorBase",
        description: expect.stringContaining("<mirrorBase>/<upstream-host>/<path>") as string,
        isRequired: true,
        example: "registry.site-a.example:8443/mirror",
        fix: "write host[:port]/path, as in registry.site-a.example:8443/mirror",
        isSecret: false,
    });
    expect(key("onRemove")).toMatchObject({ values: ["keep", "delete"], defaultText: "keep" });
    expect(key("transfer.concurrency")?.defaultText).toBe("6");
    expect(key("robots.puller.maxAge")?.defaultText).toBe("90d");
    expect(key("upstreams")?.example).toBe('["quay.io","registry.redhat.io"]');
});

test("flat keys are listed too, and which of them are secret", () => {
    expect(accountKeys().map((known) => [known.key, known.isSecret])).toEqual([
        ["registryUsername", false],
        ["registryPassword", true],
        ["registryToken", true],
        ["superuserPassword", true],
        ["pullerUsername", false],
        ["pullerPassword", true],
    ]);
});

test("the JSON schema is that of what people write, with standard keywords only", () => {
    const schema = siteJsonSchema();
    const written = z.toJSONSchema(siteSchema, { io: "input" });
    expect(schema.properties?.registry).toMatchObject({
        required: ["type", "mirrorBase"],
        additionalProperties: false,
    });
    expect(schema.properties?.robots).toMatchObject({
        properties: { puller: { properties: { maxAge: { type: "string", default: "90d", pattern: "^\\d+d$" } } } },
    });
    expect(JSON.stringify(written)).toContain('"fix":');
    expect(JSON.stringify(schema)).not.toMatch(/"(fix|defaultText)":/);
});

test("docs/configuration.md has every key", () => {
    const text = readFileSync(join(PROJECT, "docs/configuration.md"), "utf8");
    const documented = [...keys, ...accountKeys()].filter(
        (known) => known.isRequired || known.defaultText !== undefined,
    );
    const leaf = (name: string) => name.replace("content[].overrides[].", "").replace(/\[\]$/, "");
    expect(documented.map((known) => leaf(known.key)).filter((name) => !text.includes(name))).toEqual([]);
});
