import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { EXIT_CONTENT, EXIT_FAILED, EXIT_REFUSED, EXIT_SETUP, EXIT_TEMPORARY, EXIT_USAGE } from "../../cli/exit-codes";
import { PROJECT } from "../support/stack";

const FOLDER = join(PROJECT, "examples/workflow");
const GUIDE = readFileSync(join(PROJECT, "docs/how-to/run-from-a-scheduler.md"), "utf8");
const read = (name: string) => readFileSync(join(FOLDER, name), "utf8");
const STEPS = /^steps=\((.+)\)$/m.exec(read("workflow.sh"))?.[1]?.split(" ") ?? [];

/** Runs the script with a program in place of the command line. */
function workflow(passthrough: string, ...args: readonly string[]) {
    const env = { PATH: process.env.PATH, PASSTHROUGH: passthrough };
    return spawnSync("bash", [join(FOLDER, "workflow.sh"), ...args], { encoding: "utf8", env });
}

test("the script runs a command for each step, in order, and those that are named", () => {
    const all = workflow("echo ran", "site-a");
    const commands = ["plan --offline", "lock --check", "doctor", "up", "verify", "render"];
    const lines = STEPS.flatMap((step, i) => [`== site-a: ${step}`, `ran ${commands[i]} --stack site-a`]);
    expect(all.stdout).toBe([...lines, "== site-a: done", ""].join("\n"));
    expect(workflow("echo ran", "site-a", "up").stdout).toBe("== site-a: up\nran up --stack site-a\n== site-a: done\n");
});

test.each([EXIT_FAILED, EXIT_REFUSED, EXIT_CONTENT, EXIT_TEMPORARY, EXIT_SETUP, 130, 143])(
    "a step that ends with %d ends the script with it",
    (code) => {
        // Its arguments are those of the step.
        const folder = mkdtempSync(join(tmpdir(), "workflow-"));
        try {
            spawnSync("bash", ["-c", `printf '#!/bin/sh\\nexit ${code}\\n' > ${folder}/step; chmod +x ${folder}/step`]);
            const run = workflow(`${folder}/step`, "site-a", "up", "verify");
            expect(run).toMatchObject({ status: code, stdout: "== site-a: up\n" });
            expect(run.stderr).toMatch(new RegExp(`^== site-a: up failed with exit code ${code}: \\w`));
        } finally {
            rmSync(folder, { recursive: true });
        }
    },
);

test("the guide lists every step and every code", () => {
    for (const step of STEPS) expect(GUIDE).toContain(`\n| \`${step}\``);
    for (const code of [EXIT_USAGE, EXIT_FAILED, EXIT_REFUSED, EXIT_CONTENT, EXIT_TEMPORARY, EXIT_SETUP]) {
        expect(GUIDE).toMatch(new RegExp(`\\n\\| ${code} +\\|`));
    }
    const prevented = /^RestartPreventExitStatus=(.+)$/m.exec(GUIDE)?.[1]?.split(" ").map(Number) ?? [];
    expect(prevented).toEqual([EXIT_FAILED, EXIT_USAGE, EXIT_REFUSED, EXIT_CONTENT, EXIT_SETUP]);
});

test("the Airflow DAG is valid Python, has the steps, and tries only temporary failures again", () => {
    const pycache = mkdtempSync(join(tmpdir(), "pycache-"));
    const file = join(FOLDER, "airflow/registry_passthrough.py");
    const env = { PATH: process.env.PATH, PYTHONPYCACHEPREFIX: pycache };
    const compiled = spawnSync("python3", ["-m", "py_compile", file], { encoding: "utf8", env });
    rmSync(pycache, { recursive: true });
    expect(compiled).toMatchObject({ status: 0, stderr: "" });
    const text = read("airflow/registry_passthrough.py");
    expect(text).toContain(`STEPS = ${JSON.stringify(STEPS).replaceAll(",", ", ")}\n`);
    expect(text).toContain(`TEMPORARY = ${EXIT_TEMPORARY}\n`);
});

test("the playbook has the steps, and tries only temporary failures again", () => {
    const [play] = parse(read("ansible/workflow.yml")) as [{ tasks: { loop: string[] }[] }];
    expect(play.tasks.map(({ loop }) => loop)).toEqual([STEPS]);
    const [step] = parse(read("ansible/step.yml")) as [Record<string, unknown>];
    expect(step).toMatchObject({ until: `result.rc | default(0) != ${EXIT_TEMPORARY}`, retries: 3 });
});
