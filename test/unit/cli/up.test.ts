import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROJECT } from "../../support/stack";
import { type CommandRun, passthrough } from "../../support/passthrough-cli";

let folder: string;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "up "));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs `up` with a script in place of the engine. */
function up(script: string | undefined, env: NodeJS.ProcessEnv = {}): Promise<CommandRun> {
    if (script !== undefined) writeFileSync(join(folder, "pulumi"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const options = { cwd: folder, env: { PATH: `${folder}:/usr/bin:/bin`, TMPDIR: folder, ...env } };
    return passthrough(["up", "--stack", "s", "--config-file", "s.yaml"], options);
}

test("it asks nothing, refreshes first, and does not go on after an error", async () => {
    const run = await up('echo "$@"', { PULUMI_CONTINUE_ON_ERROR: "true" });
    expect(run).toEqual({
        code: 0,
        out: "up --yes --refresh --run-program --suppress-outputs --continue-on-error=false --non-interactive --stack s --config-file s.yaml\n",
        error: "",
    });
    expect(readdirSync(folder)).toEqual(["pulumi"]);
});

test.each([
    ["NETWORK", 1, 75],
    ["ARCHIVE_TRUNCATED", 1, 65],
    ["CONFIG_INVALID", 1, 78],
    ["DISK_FULL", 1, 1],
    ["NETWORK\nDISK_FULL", 1, 1],
    ["", 1, 1],
    // Pulumi's own: wrong flags, a rejected login, no such stack.
    ["", 2, 78],
    ["", 3, 78],
    ["", 6, 78],
    ["", 8, 1],
    // What a run that succeeded has met does not count.
    ["NETWORK", 0, 0],
])("if the providers failed with %j and Pulumi with %d, it ends with %d", async (codes, pulumi, expected) => {
    const write = codes === "" ? "" : `printf '%s\\n' '${codes}' >> "$REGISTRY_PASSTHROUGH_FAILURE_LOG"; `;
    expect(await up(`${write}exit ${pulumi}`)).toMatchObject({ code: expected });
});

test("without a Pulumi CLI it says so", async () => {
    const run = await up(undefined);
    expect(run.code).toBe(1);
    expect(run.error).toContain("STACK_STATE_UNAVAILABLE: stack s: pulumi does not start");
});

test("of a SIGTERM to the whole process group, the engine gets one, and so ends in good order", async () => {
    // It ends with the second one, or when nobody sends one: its parent has had all of them then.
    const engine = [
        "n=0",
        "trap 'n=$((n+1)); echo got $n' TERM",
        "echo ready",
        "while [ $n = 0 ]; do :; done",
        "exit 1",
    ];
    writeFileSync(join(folder, "pulumi"), `#!/bin/sh\n${engine.join("\n")}\n`, { mode: 0o755 });
    const main = join(PROJECT, "dist/cli/main.js");
    const child = spawn(process.execPath, [main, "up", "--stack", "s"], {
        cwd: folder,
        env: { PATH: `${folder}:/usr/bin:/bin`, TMPDIR: folder },
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => {
        out += chunk.toString("utf8");
        if (out === "ready\n") process.kill(-(child.pid ?? 0), "SIGTERM");
    });
    let error = "";
    child.stderr.on("data", (chunk: Buffer) => (error += chunk.toString("utf8")));
    const [code] = (await once(child, "close")) as [number | null];
    expect({ code, out, error }).toEqual({
        code: 143,
        out: "ready\ngot 1\n",
        error: expect.stringContaining("interrupted by SIGTERM") as string,
    });
});
