import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { dirname } from "node:path";
import { PassthroughError, errorMessage } from "../../lib/errors/errors";
import { replaceFile } from "./replace-file";

/** The result of a check, as metrics. */
export interface CheckMetrics {
    readonly stack: string;
    readonly exitCode: number;
    readonly seconds: number;
    /** Unix time in seconds. */
    readonly endedAt: number;
}

const PREFIX = "registry_passthrough_check";

/**
 * Checks before a long check that its result can be written.
 * @throws PassthroughError `METRICS_UNWRITABLE`
 */
export async function requireWritableMetrics(file: string): Promise<void> {
    // The folder alone decides: the file is replaced.
    await access(dirname(file), constants.W_OK | constants.X_OK).catch((error: unknown) => {
        throw unwritable(file, error);
    });
}

/**
 * Replaces a file of node_exporter's textfile collector at once, readable by everyone.
 * @throws PassthroughError `METRICS_UNWRITABLE`
 */
export async function writeCheckMetrics(file: string, metrics: CheckMetrics): Promise<void> {
    await replaceFile(file, formatCheckMetrics(metrics), 0o644).catch((error: unknown) => {
        throw unwritable(file, error);
    });
}

/** The text format of Prometheus, version 0.0.4. */
function formatCheckMetrics({ stack, exitCode, seconds, endedAt }: CheckMetrics): string {
    const label = `{stack="${stack.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n")}"}`;
    const gauge = (name: string, help: string, value: number) =>
        `# HELP ${PREFIX}_${name} ${help}\n# TYPE ${PREFIX}_${name} gauge\n${PREFIX}_${name}${label} ${value}\n`;
    return [
        gauge("exit_code", "Result of the last check: 0 nothing differs, 7 drift, other codes unknown.", exitCode),
        gauge("end_timestamp_seconds", "When the last check ended.", endedAt),
        gauge("duration_seconds", "How long the last check took.", seconds),
    ].join("");
}

function unwritable(file: string, cause: unknown): PassthroughError {
    return new PassthroughError(`cannot be written: ${errorMessage(cause)}`, {
        code: "METRICS_UNWRITABLE",
        thing: "metrics file",
        place: { file },
        fix: "create its folder, and let the user of the check write to it",
        cause,
    });
}
