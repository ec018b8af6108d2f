import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inModule } from "./script-module";

const CONFIG = "/etc/registry.yml";
let folder: string;
let pidFile: string;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "registry process "));
    pidFile = join(folder, "registry.pid");
    writeFileSync(pidFile, `${process.pid}\n`);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** With the command lines that a process has, one after the other. */
async function running(lines: readonly string[]): Promise<unknown> {
    const body = `
        const lines = [...input.lines];
        const read = () => (lines.length > 1 ? lines.shift() : lines[0]);
        return m.runningPid(input.pidFile, ${JSON.stringify(CONFIG)}, read) ?? "none";`;
    return (await inModule("registry-process.mjs", body, { lines, pidFile })).value;
}

test("a registry whose command line is empty for a moment, during execve, is running", async () => {
    const line = ["registry", "serve", CONFIG, ""].join("\0");
    expect(await running(["", "", line])).toBe(process.pid);
});

test.each([
    ["of another program", "another\0serve\0/etc/other.yml\0"],
    ["that stays empty, as of a kernel thread", ""],
])("a command line %s is none of the registry", async (_, line) => {
    expect(await running([line])).toBe("none");
});
