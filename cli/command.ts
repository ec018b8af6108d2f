/** One subcommand of `passthrough`. */
export interface Command {
    readonly name: string;
    /** One line for the list of commands. */
    readonly summary: string;
    /** The whole help text. */
    readonly help: string;
    /** @returns the exit code. @throws UsageError, or any error with a message for people */
    run(args: readonly string[]): Promise<number>;
}

/** The command line itself is wrong: exit code 2. */
export class UsageError extends Error {}

/** Everything went as asked. */
export const EXIT_OK = 0;
/** The job failed, or found what it looked for. */
export const EXIT_FAILED = 1;
/** The command line is wrong. */
export const EXIT_USAGE = 2;
/** There is something to do, where that was asked with a flag. */
export const EXIT_CHANGES = 3;
