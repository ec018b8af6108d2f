import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { PassthroughError } from "../../lib/errors/errors";
import type { Engine } from "./engine";
import { watchCancellation } from "./engine-cancellation";

/** The engine gives an interrupted provider 5 s before it kills it; half of that is for reporting what was done. */
const REPORT_MS = 2500;
const INTERRUPTED = { code: "ABORTED" as const, fix: "run again: what is at the registry already is not sent again" };

/** The operations that run in this provider process, and what ends them all. */
export class Operations {
    private readonly ending = new AbortController();
    private readonly running = new Set<Promise<unknown>>();
    private isWatching = false;

    constructor(private readonly engine: Engine | undefined) {
        // Every request and every wait of every resource listens; that is no leak.
        setMaxListeners(0, this.ending.signal);
    }

    /**
     * Runs one operation of a resource. The signal aborts on an interrupt, which the engine may pass on as a call, when the
     * engine has died, or when something threw outside of any promise: without that, the operation would wait for a result that never comes.
     */
    async run<T>(operation: (signal: AbortSignal) => Promise<T>): Promise<T> {
        this.watch();
        const work = operation(this.ending.signal);
        this.running.add(work);
        try {
            return await work;
        } finally {
            this.running.delete(work);
        }
    }

    private watch(): void {
        if (this.isWatching) return;
        this.isWatching = true;
        for (const name of ["SIGINT", "SIGTERM"] as const) {
            process.once(name, () => {
                void this.end(new PassthroughError(`interrupted by ${name}`, INTERRUPTED));
            });
        }
        watchCancellation(() => {
            // The engine still waits for the results, and ends this process when it has them.
            this.ending.abort(new PassthroughError("the run was interrupted", INTERRUPTED));
        });
        this.engine?.watch(() => {
            void this.end(new PassthroughError("the Pulumi engine is gone", { code: "ABORTED" }));
        });
        process.on("uncaughtException", (error) => {
            this.ending.abort(error);
        });
    }

    private async end(reason: Error): Promise<void> {
        this.ending.abort(reason);
        await Promise.race([Promise.allSettled(this.running), delay(REPORT_MS)]);
        // Results are written to the engine by then or never.
        setImmediate(() => process.exit(1));
    }
}
