import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROJECT } from "../../support/stack";

const MAIN = join(PROJECT, "dist/cli/main.js");
let folder: string;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "check "));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a check that does not start is unknown, and replaces the metrics of the one before", () => {
    const metrics = join(folder, "check.prom");
    writeFileSync(metrics, 'registry_passthrough_check_exit_code{stack="s"} 0\n');
    const run = spawnSync(process.execPath, [MAIN, "check", "--stack", "s", "--metrics", metrics], {
        cwd: folder,
        encoding: "utf8",
        env: { PATH: folder },
    });
    expect(run.status).toBe(1);
    expect(run.stderr).toContain("STACK_STATE_UNAVAILABLE: stack s: pulumi does not start");
    expect(readFileSync(metrics, "utf8")).toContain('registry_passthrough_check_exit_code{stack="s"} 1\n');
});

test("a check that is ended by SIGTERM ends pulumi, and writes no metrics", () => {
    const metrics = join(folder, "check.prom");
    writeFileSync(
        join(folder, "pulumi"),
        '#!/bin/sh\ntrap "echo ended >&2; exit 1" TERM\nkill -TERM $PPID\nwhile :; do :; done\n',
        {
            mode: 0o755,
        },
    );
    const run = spawnSync(process.execPath, [MAIN, "check", "--stack", "s", "--metrics", metrics], {
        cwd: folder,
        encoding: "utf8",
        env: { PATH: folder },
    });
    expect(run.status).toBe(143);
    expect(run.stderr).toContain("ended\n");
    expect(() => readFileSync(metrics)).toThrow("ENOENT");
});

/** Runs a check with a pulumi that finds nothing different, and has this to say about the state. */
function checkWithState(exported: string) {
    const script = `#!/bin/sh\ncase "$1 $2" in "stack export") ${exported};; esac\n`;
    writeFileSync(join(folder, "pulumi"), script, { mode: 0o755 });
    return spawnSync(process.execPath, [MAIN, "check", "--stack", "s", "--json"], {
        cwd: folder,
        encoding: "utf8",
        env: { PATH: folder },
    });
}

test("a stack of which no up has completed is no stack without drift", () => {
    const manifest = { time: "2026-11-30T01:30:00Z" };
    const state = (...types: string[]) => {
        const resources = types.map((type) => ({ type, urn: `urn:pulumi:s::p::${type}::name` }));
        // That of a new stack has no list of resources.
        return `echo '${JSON.stringify({ deployment: { manifest, ...(types.length === 0 ? {} : { resources }) } })}'`;
    };
    const site = "registry-passthrough:site:PassthroughSite";
    for (const exported of [state("pulumi:pulumi:Stack", site), state()]) {
        const run = checkWithState(exported);
        expect([run.status, JSON.parse(run.stdout)]).toEqual([7, expect.objectContaining({ result: "drift" })]);
        expect(run.stderr).toContain("s: no `npm run up` has completed yet");
    }
    const proven = checkWithState(state(site, "pulumi-nodejs:dynamic/registry-passthrough:MirrorValidation"));
    expect([proven.status, JSON.parse(proven.stdout)]).toEqual([0, expect.objectContaining({ result: "unchanged" })]);
});

test.each([
    ["cannot be read", "echo no backend >&2; exit 255", "cannot read its state: no backend"],
    ["is not one of Pulumi", `echo '{"deployment": {"resources": 1}}'`, "its state is not one of Pulumi"],
])("a state that %s is unknown", (_, exported, problem) => {
    const run = checkWithState(exported);
    expect([run.status, JSON.parse(run.stdout)]).toEqual([1, expect.objectContaining({ result: "unknown" })]);
    expect(run.stderr).toContain(`STACK_STATE_UNAVAILABLE: stack s: ${problem}`);
});
