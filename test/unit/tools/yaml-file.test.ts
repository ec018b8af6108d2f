import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inModule } from "./script-module";

let folder: string;

beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "yaml file "));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The error for a stack file with this text, without its folder. */
async function problemOf(text: string): Promise<string | undefined> {
    const file = join(folder, "Pulumi.site-a.yaml");
    writeFileSync(file, text);
    const files = [join(folder, "none.yaml"), file];
    const { error } = await inModule("yaml-file.mjs", "m.checkPulumiFiles(input);", files);
    return error?.replace(`${folder}/`, "");
}

test.each([
    [
        "config:\n\tp:site: canary\n",
        "Pulumi.site-a.yaml:2:1: not YAML: Tabs are not allowed as indentation; correct it there",
    ],
    [
        "config:\n  p:a: canary\n  p:a: 2\n",
        "Pulumi.site-a.yaml:3:3: not YAML: Map keys must be unique; correct it there",
    ],
    ["config:\n  p:site: {a: canary\n", "Pulumi.site-a.yaml:3:1: not YAML: "],
    ["config: [canary]\n", "Pulumi.site-a.yaml: config: is not a group of keys; write config: and below it"],
    [
        "encryptionsalt: v1\np:site: {a: canary}\nconfig: {p:b: 1}\n",
        "Pulumi.site-a.yaml: p:site is not below config:, so Pulumi would delete it with its next change of the file; write",
    ],
    ["canary\n", "Pulumi.site-a.yaml: the file is not a group of keys; write config: and below it"],
])(
    "a stack file that is none is refused with its name, line and fix, and none of its text: %j",
    async (text, expected) => {
        const problem = await problemOf(text);
        expect(problem).toContain(expected);
        expect(problem).not.toContain("canary");
    },
);

test.each(["", "# empty\n", "config:\n", "config: {p:site: 1}\n", "encryptionsalt: v1\n"])(
    "%j is one",
    async (text) => {
        expect(await problemOf(text)).toBeUndefined();
    },
);
