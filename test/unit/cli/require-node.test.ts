import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROJECT } from "../../support/stack";

test("the compiled command line names an older Node.js, and loads nothing with it", () => {
    const folder = mkdtempSync(join(tmpdir(), "old node "));
    try {
        // The compiled program in a process that claims to be an older one.
        const preload = join(folder, "claim.cjs");
        writeFileSync(preload, 'Object.defineProperty(process.versions, "node", { value: "18.20.8" });');
        const main = join(PROJECT, "dist/cli/main.js");
        const run = spawnSync(process.execPath, ["--require", preload, main, "plan"], { encoding: "utf8" });
        expect(run).toMatchObject({
            status: 1,
            stdout: "",
            stderr:
                "passthrough: Node.js 20.18.1 or newer is needed, 24 is recommended; this is 18.20.8: " +
                "get one from https://nodejs.org/\n",
        });
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
});
