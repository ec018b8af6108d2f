import type { Command } from "commander";
import { EXIT_INTERRUPTED, EXIT_TERMINATED, EXIT_USAGE } from "../exit-codes";

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
/** The exit codes of commands that talk to the registry: Ctrl-C and SIGTERM end them in good order. */
export const INTERRUPTION_CODES = [
    [EXIT_INTERRUPTED, "interrupted by Ctrl-C"],
    [EXIT_TERMINATED, "ended by SIGTERM"],
] as const;
