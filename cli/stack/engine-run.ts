import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassthroughError, errorMessage } from "../../lib/errors/errors";
import { FAILURE_LOG, readFailureLog } from "../../lib/errors/failure-log";
import { EXIT_SETUP } from "../exit-codes";
import { failureExitCode } from "../failure-exit-code";
import { Interrupted } from "../terminal/interruption";

/** Where what Pulumi prints goes; its stderr is always this process's own. */
interface EngineRunOptions {
    readonly stdout: "inherit" | typeof process.stderr;
}

/** How a run of the engine ended. */
interface EngineResult {
    /** Pulumi's own exit code. */
    readonly code: number | null;
    /** What a run that failed means to whoever started it: `EXIT_TEMPORARY`, `EXIT_SETUP`, … */
    readonly failureCode: number;
}

/** Pulumi's exit codes (pkg/cmd/pulumi/cmd/exit_codes.go) for wrong flags, a rejected login, a stack that does not exist. */
const PULUMI_SETUP_CODES: readonly (number | null)[] = [2, 3, 6];

/**
 * Runs a Pulumi command that starts this program and its providers, and learns from them why it failed.
 * @param args without the stack
 * @throws Interrupted if a signal ended it; `STACK_STATE_UNAVAILABLE` if there is no Pulumi CLI
 */
export async function runEngine(
    args: readonly string[],
    { stack, configFile }: { readonly stack: string; readonly configFile: string | undefined },
    options: EngineRunOptions,
): Promise<EngineResult> {
    const folder = mkdtempSync(join(tmpdir(), "passthrough-"));
    const log = join(folder, "failures");
    const config = configFile === undefined ? [] : ["--config-file", configFile];
    try {
        const start = () =>
            spawn("pulumi", [...args, "--non-interactive", "--stack", stack, ...config], {
                stdio: ["ignore", options.stdout, "inherit"],
                env: { ...process.env, [FAILURE_LOG]: log, REGISTRY_PASSTHROUGH_PROGRESS: "lines" },
                // Of a signal to the process group, the engine gets the one that is passed on: a second one makes it kill
                // its providers.
                detached: true,
            });
        const code = await runToEnd(start, stack);
        return { code, failureCode: failureCode(code, readFailureLog(log)) };
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}

function failureCode(code: number | null, codes: readonly string[]): number {
    return codes.length === 0 && PULUMI_SETUP_CODES.includes(code) ? EXIT_SETUP : failureExitCode(codes);
}

/** Passes on each Ctrl-C, as a second one is meant to be harder, and the first SIGTERM. @returns the exit code */
async function runToEnd(start: () => ChildProcess, stack: string): Promise<number | null> {
    let child: ChildProcess | undefined;
    let interruption: Interrupted | undefined;
    const interrupt = () => {
        interruption ??= new Interrupted("SIGINT");
        child?.kill("SIGINT");
    };
    const terminate = () => {
        if (interruption === undefined) child?.kill("SIGTERM");
        interruption ??= new Interrupted("SIGTERM");
    };
    // Before it starts: a signal in between would leave it without anybody who ends it.
    process.on("SIGINT", interrupt).on("SIGTERM", terminate);
    try {
        child = start();
        const [code] = (await once(child, "close").catch((error: unknown) => {
            throw cannotRun(stack, error);
        })) as [number | null];
        if (interruption !== undefined) throw interruption;
        return code;
    } finally {
        process.off("SIGINT", interrupt).off("SIGTERM", terminate);
    }
}

function cannotRun(stack: string, cause: unknown): PassthroughError {
    return new PassthroughError(`pulumi does not start: ${errorMessage(cause)}`, {
        code: "STACK_STATE_UNAVAILABLE",
        thing: `stack ${stack}`,
        fix: "install the Pulumi CLI and put it on PATH",
        cause,
    });
}
