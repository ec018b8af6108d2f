import { PassthroughError, errorMessage } from "../../lib/errors/errors";
import { EXIT_DRIFT, EXIT_OK } from "../exit-codes";
import { errorExitCode } from "../failure-exit-code";
import { runEngine } from "../stack/engine-run";
import { selectedStack } from "../stack/selected-stack";
import { stackName } from "../stack/stack-file";
import { Interrupted } from "../terminal/interruption";
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

/** A result with the exit code that says it, and why it is unknown. */
interface CheckOutcome {
    readonly result: CheckResult;
    readonly exitCode: number;
}

/** Pulumi's exit code for "changes were proposed" with --expect-no-changes. */
const PULUMI_CHANGES = 7;
const REFRESH = ["refresh", "--preview-only", "--expect-no-changes", "--run-program"];

/**
 * Runs the nightly check of a stack through the Pulumi CLI, and writes its result as metrics. An interrupted check
 * writes none: its result is not known, and the time of the last one says so.
 */
export async function runCheck({ stack: named, configFile, metrics, json = false }: CheckOptions): Promise<number> {
    const stack = selectedStack(named);
    if (metrics !== undefined) await requireWritableMetrics(metrics);
    const start = Date.now();
    const { result, exitCode } = await refreshPreview(stack, configFile, json)
        .then((found) => (found.result === "unchanged" ? withProof(stack) : found))
        .catch(notStarted);
    const end = Date.now();
    const report = { stack: stackName({ stack }), exitCode, seconds: (end - start) / 1000 };
    if (metrics !== undefined) await writeCheckMetrics(metrics, { ...report, endedAt: Math.round(end / 1000) });
    if (json) print(JSON.stringify({ ...report, result }));
    else printDiagnostic(`${report.stack}: ${MEANING[result]}`);
    return exitCode;
}

/** Nothing of the state differs: that says nothing about a stack of which no `up` has got to its images. */
async function withProof(stack: string): Promise<CheckOutcome> {
    if (await hasProof(stack)) return { result: "unchanged", exitCode: EXIT_OK };
    printDiagnostic(
        `${stackName({ stack })}: no \`npm run up\` has completed yet: the state does not have the proof of the images`,
    );
    return { result: "drift", exitCode: EXIT_DRIFT };
}

/** A check that cannot run is a result too: the metrics of the one before must not stay. */
function notStarted(error: unknown): CheckOutcome {
    if (!(error instanceof PassthroughError) || error instanceof Interrupted) throw error;
    printDiagnostic(`passthrough: ${errorMessage(error)}`);
    return { result: "unknown", exitCode: errorExitCode(error) };
}

const MEANING: Readonly<Record<CheckResult, string>> = {
    unchanged: "nothing differs",
    drift: "drift, see above; repair it with `npm run up`",
    unknown: "the result is unknown: the check failed, see above",
};

async function refreshPreview(stack: string, configFile: string | undefined, json: boolean): Promise<CheckOutcome> {
    const stdout = json ? process.stderr : "inherit";
    const { code, failureCode } = await runEngine(REFRESH, { stack, configFile }, { stdout });
    if (code === 0) return { result: "unchanged", exitCode: EXIT_OK };
    if (code === PULUMI_CHANGES) return { result: "drift", exitCode: EXIT_DRIFT };
    return { result: "unknown", exitCode: failureCode };
}
