import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { PassthroughError } from "../../lib/errors/errors";
import { watchEngine } from "./engine";

/** Why every operation of this provider process is to end. */
const ending = new AbortController();
// Every request and every wait of every resource listens; that is no leak.
setMaxListeners(0, ending.signal);
const underWay = new Set<Promise<unknown>>();
let watching = false;

/** The engine gives an interrupted provider 5 s before it kills it; half of that is for saying what was done. */
const LAST_WORDS_MS = 2500;

/**
 * Runs one operation of a resource. The signal ends it on an interrupt, when the engine has died, or when something
 * threw outside of any promise: without that, the operation would wait for an answer that never comes.
 */
export async function running<T>(operation: (signal: AbortSignal) => Promise<T>): Promise<T> {
    watch();
    const work = operation(ending.signal);
    underWay.add(work);
    try {
        return await work;
    } finally {
        underWay.delete(work);
    }
}

function watch(): void {
    if (watching) return;
    watching = true;
    for (const name of ["SIGINT", "SIGTERM"] as const) {
        process.once(name, () => {
            void end(new PassthroughError(`interrupted by ${name}`, INTERRUPTED));
        });
    }
    watchEngine(() => {
        void end(new PassthroughError("the Pulumi engine is gone", { code: "ABORTED" }));
    });
    process.on("uncaughtException", (error) => {
        ending.abort(error);
    });
}

const INTERRUPTED = { code: "ABORTED", fix: "run again: what is at the registry already is not sent again" };

async function end(reason: Error): Promise<void> {
    ending.abort(reason);
    await Promise.race([Promise.allSettled(underWay), delay(LAST_WORDS_MS)]);
    // The engine's answer is written by then or never.
    setImmediate(() => process.exit(1));
}
