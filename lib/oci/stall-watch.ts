import { RegistryError } from "./errors";
import { DEFAULT_TIMEOUTS } from "./timeouts";

/** Ends a request whose body nobody takes any more; the time after the last piece is the registry's, for storing. */
export class StallWatch {
    private readonly stalled = new AbortController();
    readonly signal: AbortSignal;

    constructor(
        private readonly operation: string,
        signal: AbortSignal | undefined,
        private readonly limit = DEFAULT_TIMEOUTS.piece,
    ) {
        this.signal = signal === undefined ? this.stalled.signal : AbortSignal.any([signal, this.stalled.signal]);
    }

    /** The body's pieces; each must be taken within the limit. */
    async *chunks(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
        for await (const chunk of body) {
            const timer = setTimeout(() => this.stalled.abort(this.reason()), this.limit);
            try {
                yield chunk;
            } finally {
                clearTimeout(timer);
            }
        }
    }

    private reason(): RegistryError {
        return new RegistryError(this.operation, `the registry took no byte for ${this.limit / 1000} s`, {
            code: "TIMEOUT",
            cure: "check the network and the registry's disk; the next run goes on from here",
        });
    }
}
