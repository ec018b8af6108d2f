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
