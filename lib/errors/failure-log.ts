import { appendFileSync, readFileSync } from "node:fs";
import type { ErrorCode } from "./codes";
import { isMissingFile } from "./errors";

/** The variable that names the file to which the program and its providers write why they failed. */
export const FAILURE_LOG = "REGISTRY_PASSTHROUGH_FAILURE_LOG";

/**
 * Tells the command that started the engine why an operation failed: the engine passes on texts and one exit code.
 * Without such a command it does nothing. The file has codes only, one a line, and so no secret.
 */
export function logFailure(codes: readonly ErrorCode[], file = process.env[FAILURE_LOG]): void {
    if (file === undefined || file === "" || codes.length === 0) return;
    try {
        appendFileSync(file, codes.map((code) => `${code}\n`).join(""), { mode: 0o600 });
    } catch {
        // A full temporary folder must not hide the error itself: its kind stays unknown then.
    }
}

/** @returns the codes that were written; none if nothing failed, or nothing that this program knows of */
export function readFailureLog(file: string): string[] {
    try {
        return [...new Set(readFileSync(file, "utf8").split("\n"))].filter((code) => code !== "");
    } catch (error) {
        if (isMissingFile(error)) return [];
        throw error;
    }
}
