import { spawn } from "node:child_process";
import { constants } from "node:os";

/**
 * @typedef {{cwd?: string | undefined, env?: NodeJS.ProcessEnv | undefined, input?: string | undefined, timeout?: number}} RunOptions
 * @typedef {{code: number, stdout: string, stderr: string}} RunResult
 */

/**
 * The code of a system error.
 *
 * @param {unknown} error
 * @returns {string | undefined} `ENOENT`; undefined for other errors
 */
export function errorCode(error) {
    return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/**
 * What an error says: its message, else its code (an AggregateError of a connection has no message).
 *
 * @param {unknown} error
 * @returns {string}
 */
export function errorMessage(error) {
    return (error instanceof Error && error.message) || (errorCode(error) ?? String(error));
}

/**
 * Runs a command without a shell and collects what it says.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} [options] `input` goes to its stdin (secrets never go into arguments); `timeout` in milliseconds
 * @returns {Promise<RunResult>} also for a non-zero exit; rejects only if the command cannot be started
 */
export function capture(command, args, { cwd, env, input, timeout } = {}) {
    return new Promise((resolve, reject) => {
        const child = spawn(command, args, { cwd, env, timeout, stdio: ["pipe", "pipe", "pipe"] });
        const output = { stdout: "", stderr: "" };
        child.stdout.setEncoding("utf8").on("data", (text) => (output.stdout += text));
        child.stderr.setEncoding("utf8").on("data", (text) => (output.stderr += text));
        // A child that does not read its stdin closes it early; its exit code is what matters, not this error.
        child.stdin.on("error", () => {});
        child.stdin.end(input ?? "");
        child.on("error", reject);
        child.on("close", (code, signal) => resolve({ code: exitCode(code, signal), ...output }));
    });
}

/**
 * Like `capture`, but a non-zero exit is an error with an excerpt of what the command said.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<string>} its stdout
 */
export async function captureOrThrow(command, args, options = {}) {
    const result = await capture(command, args, options);
    if (result.code !== 0) {
        throw new Error(`${shown(command, args)} ended with exit code ${result.code}:\n${excerpt(result)}`);
    }
    return result.stdout;
}

/**
 * Runs a command on this process's own stdin, stdout and stderr and returns its exit code.
 * While it runs, this process survives SIGINT and SIGTERM to report how the command ended.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, stdout?: "inherit" | "ignore", onText?: (text: string) => void}} [options]
 *   `onText` gets a copy of the output; the command then writes to pipes and sees no terminal
 * @returns {Promise<number>}
 */
export function runThrough(command, args, { cwd, env, stdout = "inherit", onText } = {}) {
    return new Promise((resolve, reject) => {
        const child = spawn(command, args, {
            cwd,
            env,
            stdio: onText ? ["inherit", "pipe", "pipe"] : ["inherit", stdout, "inherit"],
        });
        if (onText)
            for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => onText(`${chunk}`));
        child.stdout?.pipe(process.stdout, { end: false });
        child.stderr?.pipe(process.stderr, { end: false });
        const release = relaySignals(child);
        child.on("error", (error) => {
            release();
            reject(error);
        });
        child.on("close", (code, signal) => {
            release();
            resolve(exitCode(code, signal));
        });
    });
}

/**
 * A terminal sends Ctrl-C to the whole process group, the child included; sent on again it would count as the second
 * one, which makes Pulumi drop what is running. Without a terminal a signal reaches this process alone.
 *
 * @param {import("node:child_process").ChildProcess} child
 * @returns {() => void} ends the relay
 */
function relaySignals(child) {
    const terminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
    const relays = {
        SIGINT: () => void (terminal || child.kill("SIGINT")),
        SIGTERM: () => void child.kill("SIGTERM"),
    };
    for (const [signal, relay] of Object.entries(relays)) process.on(signal, relay);
    return () => {
        for (const [signal, relay] of Object.entries(relays)) process.off(signal, relay);
    };
}

/**
 * What a failed command said, short: npm prints the cause first, go prints it last.
 *
 * @param {RunResult} result
 * @returns {string} indented lines, stderr after stdout
 */
export function excerpt({ stdout, stderr }) {
    const lines = `${stdout}\n${stderr}`.split("\n").filter((line) => line.trim() !== "");
    const short = lines.length > 30 ? [...lines.slice(0, 12), "…", ...lines.slice(-16)] : lines;
    return short.map((line) => `    ${line}`).join("\n");
}

/** @param {string} command @param {string[]} args @returns {string} quoted where a shell would need it */
function shown(command, args) {
    return [command, ...args].map((part) => (/^[\w@%+=:,./-]+$/.test(part) ? part : JSON.stringify(part))).join(" ");
}

/** @param {number | null} code @param {NodeJS.Signals | null} signal @returns {number} as a shell reports it */
function exitCode(code, signal) {
    return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
