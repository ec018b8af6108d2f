import { setMaxListeners } from "node:events";
import { PassthroughError } from "../../lib/errors/errors";

/** What a shell expects of a process that a signal ended: 128 and the signal's number. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

const CURE = "run again: what is at the registry already is not sent again";

/** The work was ended from outside. */
export class Interrupted extends PassthroughError {
    readonly exitCode: number;

    /** @param safe what was done before, as a sentence */
    constructor(
        private readonly by: keyof typeof EXIT_CODES,
        safe?: string,
    ) {
        super(`interrupted by ${by}${safe === undefined ? "" : `; ${safe}`}`, { code: "ABORTED", fix: CURE });
        this.exitCode = EXIT_CODES[by];
    }

    /** The same, saying what was done before. */
    saying(safe: string): Interrupted {
        return new Interrupted(this.by, safe);
    }
}

/**
 * Runs work that Ctrl-C ends in good order: the first interrupt aborts the signal, so that the work stops and says
 * what is safe; the second one ends the process at once.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const ending = new AbortController();
    // Every request and every wait listens; that is no leak.
    setMaxListeners(0, ending.signal);
    const names = ["SIGINT", "SIGTERM"] as const;
    const handlers = names.map((name) => () => ending.abort(new Interrupted(name)));
    names.forEach((name, i) => process.once(name, handlers[i] as () => void));
    try {
        return await work(ending.signal);
    } finally {
        names.forEach((name, i) => process.off(name, handlers[i] as () => void));
    }
}
