import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const MAIN = join(__dirname, "../../dist/cli/main.js");

export interface CommandRun {
    readonly code: number | null;
    readonly out: string;
    readonly error: string;
}

export interface CommandOptions {
    readonly cwd: string;
    /** All of it: nothing of this process's environment shines through but PATH. */
    readonly env?: NodeJS.ProcessEnv;
    /** Standard input; `open`: what is written to the child's `stdin`; absent: none. */
    readonly input?: Buffer | "open";
}

/** Starts the compiled command line as a process of its own. */
export function startPassthrough(
    args: readonly string[],
    { cwd, env = {}, input }: CommandOptions,
): { child: ChildProcess; done: Promise<CommandRun> } {
    const child = spawn(process.execPath, [MAIN, ...args], {
        cwd,
        env: { PATH: process.env.PATH, HOME: cwd, ...env },
        stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
    // A command that fails before does not read it.
    child.stdin?.on("error", () => undefined);
    if (input !== "open") child.stdin?.end(input);
    const said = { out: "", error: "" };
    child.stdout?.on("data", (chunk: Buffer) => (said.out += chunk.toString("utf8")));
    child.stderr?.on("data", (chunk: Buffer) => (said.error += chunk.toString("utf8")));
    const done = once(child, "close").then(([code]) => ({ code: code as number | null, ...said }));
    return { child, done };
}

/** Runs it to its end. */
export function passthrough(args: readonly string[], options: CommandOptions): Promise<CommandRun> {
    return startPassthrough(args, options).done;
}
