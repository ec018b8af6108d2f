import type { Command } from "commander";
import {
    EXIT_CONTENT,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_SETUP,
    EXIT_TEMPORARY,
    EXIT_TERMINATED,
    EXIT_USAGE,
} from "../exit-codes";

/** How people start the command line; in a container without npm it is `node dist/cli/main.js`. */
export const PROGRAM = "npm run -s passthrough --";

/** A command line with what it is for. */
export interface Example {
    /** The command and its arguments, without `PROGRAM`. */
    readonly line: string;
    readonly what: string;
}

/**
 * One command. The help text and the tables of docs/command-line.md are generated from it. A definition must load
 * nothing but commander: the code behind a command is loaded when the command runs.
 */
export interface CommandDefinition {
    readonly command: Command;
    readonly examples: readonly Example[];
    /** Exit code -> meaning, in this order. */
    readonly exitCodes: readonly (readonly [code: number, meaning: string])[];
    /** Loads the command's code and runs it with the parsed command line. @returns the exit code */
    readonly run: () => Promise<number>;
}

/** The exit codes that mean the same for every command. */
export const USAGE_CODE = [EXIT_USAGE, "wrong usage; nothing was done"] as const;
/** A failure that is none of `FAILURE_CODES`. */
export const OTHER_FAILURE = [EXIT_FAILED, "failed otherwise, or for several reasons"] as const;
const CONTENT_CODE = [EXIT_CONTENT, "an archive or lock file is missing, damaged or another one"] as const;
const TEMPORARY_CODE = [
    EXIT_TEMPORARY,
    "the registry or a cluster does not respond, or is busy: try again later",
] as const;
export const SETUP_CODE = [EXIT_SETUP, "the configuration, a certificate or an account is wrong"] as const;
/** The exit codes of failures by who can do something about them: of commands without network, and of all others. */
export const LOCAL_FAILURE_CODES = [CONTENT_CODE, SETUP_CODE] as const;
export const FAILURE_CODES = [CONTENT_CODE, TEMPORARY_CODE, SETUP_CODE] as const;
/** The exit codes of commands that talk to the registry: Ctrl-C and SIGTERM end them in good order. */
export const INTERRUPTION_CODES = [
    [EXIT_INTERRUPTED, "interrupted by Ctrl-C"],
    [EXIT_TERMINATED, "ended by SIGTERM"],
] as const;
