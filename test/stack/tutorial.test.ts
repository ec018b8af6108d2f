import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { freePort } from "../support/registry-process";
import { PROJECT } from "../support/stack";

jest.setTimeout(300_000);

const TUTORIAL = readFileSync(join(PROJECT, "docs/tutorial.md"), "utf8");
const blocks = (language: string) =>
    [...TUTORIAL.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm"))].map(([, text]) => text ?? "");

/** The tutorial runs it a second time, which changes nothing. */
const UP_TWICE = "npm run up -- --yes --stack tutorial\n".repeat(2);

let folder: string;
let checkout: string;

/** The files that git has, with this checkout's packages and compiled code. */
beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "tutorial "));
    checkout = join(folder, "checkout");
    const { stdout } = spawnSync("git", ["ls-files", "-z"], { cwd: PROJECT, encoding: "utf8", maxBuffer: 2 ** 26 });
    for (const file of stdout.split("\0").filter((name) => name !== "" && existsSync(join(PROJECT, name)))) {
        mkdirSync(dirname(join(checkout, file)), { recursive: true });
        cpSync(join(PROJECT, file), join(checkout, file));
    }
    symlinkSync(join(PROJECT, "node_modules"), join(checkout, "node_modules"));
    // A copy: compiled code behind a link belongs to another project, whose stacks load it as a package.
    cpSync(join(PROJECT, "dist"), join(checkout, "dist"), { recursive: true });
});

/** The tutorial removes everything itself, unless one of its commands failed. */
afterAll(() => {
    const registry = `${prefix()}registry`;
    if (existsSync(registry)) {
        spawnSync(process.execPath, ["tools/registry.mjs", "stop", "--dir", registry], { cwd: checkout });
    }
    for (const made of [registry, `${prefix()}archive`, folder]) rmSync(made, { recursive: true, force: true });
});

/** In place of the tutorial's `/tmp/tutorial-`. */
const prefix = () => `${folder.replaceAll(" ", "_")}-`;

/** The tutorial's commands as one script: its folders and its port are those of this test. */
async function script(): Promise<string> {
    const [stackFile = ""] = blocks("yaml");
    const commands = blocks("bash").flatMap((block) => {
        const writeStackFile = `cat > Pulumi.tutorial.yaml <<'END'\n${stackFile}END\n`;
        // The engine writes into the stack file: the line that names the schema must stay its first.
        return block.includes("stack init") ? [writeStackFile, block, "head -n 1 Pulumi.tutorial.yaml"] : [block];
    });
    const port = String(await freePort());
    return ["set -e", ...commands]
        .join("\n")
        .replace("npm ci\n", "")
        .replace("npm run up -- --stack tutorial", UP_TWICE)
        .replaceAll("/tmp/tutorial-", prefix())
        .replaceAll("15443", port);
}

test("the tutorial's commands do what it says, and leave nothing behind", async () => {
    const file = join(folder, "tutorial.sh");
    writeFileSync(file, await script());
    const run = spawnSync("bash", [file], { cwd: checkout, encoding: "utf8", maxBuffer: 2 ** 26 });
    const output = run.stdout + run.stderr;
    expect({ code: run.status, output: run.status === 0 ? "" : output }).toEqual({ code: 0, output: "" });
    expect(output).toMatch(/^# yaml-language-server: \$schema=config\/stack-file\.schema\.json$/m);
    for (const line of blocks("text").flatMap((block) => block.split("\n"))) {
        const [shown = ""] = line.split("…");
        expect(output).toContain(shown.trim());
    }
    expect(output).toMatch(/^ +6 unchanged$/m);
    expect(output).toContain("quay.io/team1/app1");
    expect(output).toMatch(/^mirror-rules\.yaml$/m);
    expect(output).toContain("has been removed");
    const left = spawnSync("git", ["-C", PROJECT, "status", "--porcelain"], { encoding: "utf8" }).stdout;
    expect(left).not.toContain("tutorial.lock.json");
    expect(existsSync(join(checkout, "Pulumi.tutorial.yaml"))).toBe(false);
});
