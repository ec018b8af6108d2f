import { setMaxListeners } from "node:events";
import { PassthroughError } from "../../lib/errors/errors";
import { EXIT_INTERRUPTED, EXIT_TERMINATED } from "../exit-codes";

const EXIT_CODES = { SIGINT: EXIT_INTERRUPTED, SIGTERM: EXIT_TERMINATED } as const;

const FIX = "run again: what is at the registry already is not sent again";

/** A signal ended the command. */
export class Interrupted extends PassthroughError {
    readonly exitCode: number;

    /** @param safe what was done before, as a sentence */
    constructor(
        private readonly by: keyof typeof EXIT_CODES,
        safe?: string,
    ) {
        super(`interrupted by ${by}${safe === undefined ? "" : `; ${safe}`}`, { code: "ABORTED", fix: FIX });
        this.exitCode = EXIT_CODES[by];
    }

    /** The same error with what was done before. */
    withResult(safe: string): Interrupted {
        return new Interrupted(this.by, safe);
    }
}

/**
 * Runs work that Ctrl-C stops in good order: the first interrupt aborts the signal, and the work reports what it has
 * done; the second one ends the process at once.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    // Every request and every wait adds a listener; that is not a leak.
    setMaxListeners(0, controller.signal);
    const names = ["SIGINT", "SIGTERM"] as const;
    const handlers = names.map((name) => () => controller.abort(new Interrupted(name)));
    names.forEach((name, i) => process.once(name, handlers[i] as () => void));
    try {
        return await work(controller.signal);
    } finally {
        names.forEach((name, i) => process.off(name, handlers[i] as () => void));
    }
}
