import { spawn } from "node:child_process";
import { once } from "node:events";
import { PassthroughError, errorMessage } from "../../lib/errors/errors";
import { EXIT_DRIFT, EXIT_FAILED, EXIT_OK, EXIT_TERMINATED } from "../exit-codes";
import { selectedStack } from "../stack/selected-stack";
import { stackName } from "../stack/stack-file";
import { Interrupted, interruptible } from "../terminal/interruption";
import { print, printDiagnostic } from "../terminal/output";
import { requireWritableMetrics, writeCheckMetrics } from "./check-metrics";
import { hasProof } from "./check-state";

export interface CheckOptions {
    readonly stack?: string;
    readonly configFile?: string;
    readonly metrics?: string;
    readonly json?: boolean;
}

/** What a check found out; "unknown" is neither of the others. */
type CheckResult = "unchanged" | "drift" | "unknown";

const EXIT_CODES: Readonly<Record<CheckResult, number>> = {
    unchanged: EXIT_OK,
    drift: EXIT_DRIFT,
    unknown: EXIT_FAILED,
};

/** Pulumi's exit code for "changes were proposed" with --expect-no-changes. */
const PULUMI_CHANGES = 7;

/**
 * Runs the nightly check of a stack through the Pulumi CLI, and writes its result as metrics. An interrupted check
 * writes none: its result is not known, and the time of the last one says so.
 */
export async function runCheck({ stack: named, configFile, metrics, json = false }: CheckOptions): Promise<number> {
    const stack = selectedStack(named);
    if (metrics !== undefined) await requireWritableMetrics(metrics);
    const start = Date.now();
    const result = await interruptible(async (signal) => {
        const found = await refreshPreview(stack, configFile, json, signal);
        return found === "unchanged" ? withProof(stack) : found;
    }).catch(notStarted);
    const end = Date.now();
    const report = { stack: stackName({ stack }), exitCode: EXIT_CODES[result], seconds: (end - start) / 1000 };
    if (metrics !== undefined) await writeCheckMetrics(metrics, { ...report, endedAt: Math.round(end / 1000) });
    if (json) print(JSON.stringify({ ...report, result }));
    else printDiagnostic(`${report.stack}: ${MEANING[result]}`);
    return report.exitCode;
}

/** Nothing of the state differs: that says nothing about a stack of which no `up` has got to its images. */
async function withProof(stack: string): Promise<CheckResult> {
    if (await hasProof(stack)) return "unchanged";
    printDiagnostic(
        `${stackName({ stack })}: no \`npm run up\` has completed yet: the state does not have the proof of the images`,
    );
    return "drift";
}

/** A check that cannot run is a result too: the metrics of the one before must not stay. */
function notStarted(error: unknown): CheckResult {
    if (!(error instanceof PassthroughError) || error instanceof Interrupted) throw error;
    printDiagnostic(`passthrough: ${errorMessage(error)}`);
    return "unknown";
}

const MEANING: Readonly<Record<CheckResult, string>> = {
    unchanged: "nothing differs",
    drift: "drift, see above; repair it with `npm run up`",
    unknown: "the result is unknown: the check failed, see above",
};

async function refreshPreview(
    stack: string,
    configFile: string | undefined,
    json: boolean,
    signal: AbortSignal,
): Promise<CheckResult> {
    const args = ["refresh", "--preview-only", "--expect-no-changes", "--run-program", "--non-interactive"];
    const config = configFile === undefined ? [] : ["--config-file", configFile];
    const stdout = json ? process.stderr : "inherit";
    const child = spawn("pulumi", [...args, "--stack", stack, ...config], { stdio: ["ignore", stdout, "inherit"] });
    // Ctrl-C reaches the whole process group, and a second signal would make the engine kill its providers.
    const stop = () => (signal.reason as Interrupted).exitCode === EXIT_TERMINATED && child.kill("SIGTERM");
    signal.addEventListener("abort", stop, { once: true });
    const [code] = (await once(child, "close").catch((error: unknown) => {
        throw cannotRun(stack, error);
    })) as [number | null];
    signal.throwIfAborted();
    return code === 0 ? "unchanged" : code === PULUMI_CHANGES ? "drift" : "unknown";
}

function cannotRun(stack: string, cause: unknown): PassthroughError {
    return new PassthroughError(`cannot be checked, because pulumi does not start: ${errorMessage(cause)}`, {
        code: "STACK_STATE_UNAVAILABLE",
        thing: `stack ${stack}`,
        fix: "install the Pulumi CLI and put it on PATH",
        cause,
    });
}
