import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PROJECT } from "../support/stack";

let folder: string;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "cycles "));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What `npm run cycles` prints in a project of these files. */
function cycles(files: Record<string, string>): string {
    for (const [name, text] of Object.entries({ "tsconfig.json": "{}", ...files })) {
        mkdirSync(dirname(join(folder, name)), { recursive: true });
        writeFileSync(join(folder, name), text);
    }
    const program = join(PROJECT, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
    const config = join(PROJECT, ".dependency-cruiser.mjs");
    const { stdout, stderr } = spawnSync(process.execPath, [program, "--config", config, "."], {
        cwd: folder,
        encoding: "utf8",
    });
    return stdout + stderr;
}

test("cycles of imports are refused, of types too, in TypeScript and in JSDoc", () => {
    const found = cycles({
        "lib/a.ts": 'import { b } from "./b";\nexport const a = () => b;\n',
        "lib/b.ts": 'import { a } from "./a";\nexport const b = () => a;\n',
        "lib/c.ts": 'import type { D } from "./d";\nexport interface C { d: D }\n',
        "lib/d.ts": 'import type { C } from "./c";\nexport interface D { c: C }\n',
        "tools/e.mjs": 'import { f } from "./f.mjs";\n/** @typedef {typeof f} E */\n',
        "tools/f.mjs": '/** @type {import("./e.mjs").E} */\nexport const f = () => {};\n',
    });
    expect(found).toContain("3 errors");
    expect(found).toMatch(/lib\/a\.ts →\s+lib\/b\.ts →\s+lib\/a\.ts/);
    expect(found).toMatch(/lib\/c\.ts →\s+lib\/d\.ts →\s+lib\/c\.ts/);
    expect(found).toMatch(/tools\/e\.mjs →\s+tools\/f\.mjs →\s+tools\/e\.mjs/);
});

test("imports without a cycle are not", () => {
    const found = cycles({
        "lib/a.ts": 'import type { B } from "./b";\nexport type A = B;\n',
        "lib/b.ts": "export interface B { value: string }\n",
    });
    expect(found).toContain("no dependency violations found (2 modules, 1 dependencies cruised)");
});
