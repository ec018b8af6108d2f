import type { Readable } from "node:stream";

/** How a command is run. */
export interface RunOptions {
    /** What it reads. The only place for secrets: every user of the host sees the command itself. Default: nothing. */
    readonly stdin?: string | Uint8Array | Readable | undefined;
    /** As root: through `sudo -n`, unless the user is root. */
    readonly root?: boolean | undefined;
    /** After this time it is ended. Default: it takes as long as it takes. */
    readonly timeoutSeconds?: number | undefined;
    readonly signal?: AbortSignal | undefined;
    /** Called with each line that it prints, on both streams, as it comes. */
    readonly output?: ((line: string) => void) | undefined;
}

/** How a command ended. */
export interface CommandResult {
    /** As shells say it: 128 and the number of the signal for a command that was killed. */
    readonly status: number;
    /** The last MiB of what it printed. */
    readonly stdout: string;
    readonly stderr: string;
    /** True if it printed more on one of them: their beginning is missing. */
    readonly isCut: boolean;
}
