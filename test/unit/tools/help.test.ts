import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { FreshClone } from "../../support/fresh-clone";

let clone: FreshClone;

beforeAll(() => {
    clone = new FreshClone();
});

afterAll(() => clone.remove());

test.each([
    ["quickstart.mjs", ["--help"], "usage: npm run quickstart"],
    ["compile.mjs", ["--help"], "usage: npm run build"],
    ["test.mjs", ["--help"], "usage: npm test"],
    ["pulumi.mjs", ["up", "--refresh", "--help"], "pulumi"],
    ["passthrough.mjs", ["--help"], "plan [options]"],
    ["passthrough.mjs", ["plan", "--help"], "npm run build"],
])("%s %p prints help in a fresh clone, and installs and compiles nothing", (script, args, text) => {
    const run = spawnSync(process.execPath, [join(clone.folder, "tools", script), ...args], { encoding: "utf8" });
    expect([run.status, run.stderr]).toEqual([0, ""]);
    expect(run.stdout).toContain(text);
    for (const made of ["dist", "node_modules", ".local"]) expect(existsSync(join(clone.folder, made))).toBe(false);
});
