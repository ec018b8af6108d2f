import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { scratchFolder } from "./data/scratch.mjs";
import { watchTree } from "./process-tree.mjs";

/**
 * @typedef {{file: string, args: string[], env?: NodeJS.ProcessEnv, input?: string, cwd?: string}} Command
 *
 * @typedef {object} Measured
 * @property {number} seconds from the start of the process to its end
 * @property {number} cpuSeconds user and system, of it and all its children
 * @property {number} memoryBytes peak resident memory of it and all its children together, looked at every 40 ms
 * @property {number} providerBytes peak resident memory of the process that runs our providers; 0 if there was none
 * @property {number} programBytes peak resident memory of the process that runs a Pulumi program; 0 if there was none
 * @property {number} diskBytes peak size of its temporary files
 * @property {string} stdout
 */

/** bash waits for the command and prints what the kernel counted for it and its children. */
const timed = 'TIMEFORMAT="%R %U %S"; { time "$@" 2>&3; } 3>&2 2>"$0"';

/**
 * Runs a command to its end and measures it. Its home and its temporary files are an empty folder.
 *
 * @param {Command} command
 * @returns {Promise<Measured>}
 * @throws {Error} if it fails, with what it said
 */
export async function measure({ file, args, env = {}, input = "", cwd }) {
    const folder = join(scratchFolder(), "temporary");
    const times = join(scratchFolder(), "times");
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const surroundings = { ...process.env, HOME: folder, TMPDIR: folder, ...env };
    const child = spawn("bash", ["-c", timed, times, file, ...args], { cwd, env: surroundings });
    const output = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text) => (output.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (output.stderr += text));
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    await once(child, "spawn");
    const stop = watchTree(/** @type {number} */ (child.pid), folder);
    const [code] = await once(child, "close");
    const { memory, provider, program, disk } = stop();
    rmSync(folder, { recursive: true, force: true });
    if (code !== 0) {
        const said = `${output.stdout}${output.stderr}`.trim().split("\n").slice(-15).join("\n    ");
        throw new Error(`${file} ${args.slice(0, 4).join(" ")} … ended with ${code}:\n    ${said}`);
    }
    const last = readFileSync(times, "utf8").trim().split("\n").at(-1) ?? "";
    const [seconds = NaN, user = NaN, system = NaN] = last.split(" ").map(Number);
    const cpuSeconds = round(user + system);
    return {
        seconds,
        cpuSeconds,
        memoryBytes: memory,
        providerBytes: provider,
        programBytes: program,
        diskBytes: disk,
        stdout: output.stdout,
    };
}

/** @param {number} value seconds */
function round(value) {
    return Math.round(value * 1000) / 1000;
}
