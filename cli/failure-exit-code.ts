import type { ProblemJson } from "../lib/errors/format";
import { type FailureKind, errorCodes, failureKind } from "../lib/errors/failure-kind";
import { EXIT_CONTENT, EXIT_FAILED, EXIT_SETUP, EXIT_TEMPORARY } from "./exit-codes";

const KIND_CODES: Readonly<Record<FailureKind, number>> = {
    temporary: EXIT_TEMPORARY,
    content: EXIT_CONTENT,
    setup: EXIT_SETUP,
    other: EXIT_FAILED,
};

/** The exit code of a command that failed with these error codes; `EXIT_FAILED` if they are of several kinds. */
export function failureExitCode(codes: readonly string[]): number {
    return KIND_CODES[failureKind(codes)];
}

/** The exit code of a command that threw this. */
export function errorExitCode(error: unknown): number {
    return failureExitCode(errorCodes(error));
}

/** The exit code of a command that reported these errors; a failure without an error is of no known kind. */
export function reportedExitCode(errors: readonly (ProblemJson | undefined)[]): number {
    return failureExitCode(errors.map((error) => (typeof error?.code === "string" ? error.code : "")));
}
