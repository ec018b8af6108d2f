import { RegistryError, type RequestContext } from "../../errors/errors";
import { resumeHint } from "./resume-hint";
import { DEFAULT_TIMEOUTS } from "./timeouts";

/** What a connection must take in time is small, however large the pieces of a body are: a slow one is no dead one. */
const WATCHED_BYTES = 256 * 1024;

/** Ends a request whose body is not accepted any more. After the last piece the registry may take its time to store. */
export class StallWatch {
    private readonly stalled = new AbortController();
    readonly signal: AbortSignal;

    constructor(
        private readonly context: RequestContext,
        signal: AbortSignal | undefined,
        private readonly limit = DEFAULT_TIMEOUTS.piece,
    ) {
        this.signal = signal === undefined ? this.stalled.signal : AbortSignal.any([signal, this.stalled.signal]);
    }

    /** The body in pieces that must be taken within the limit each. */
    async *chunks(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
        for await (const chunk of body) {
            for (let at = 0; at < chunk.length; at += WATCHED_BYTES) {
                const timer = setTimeout(() => this.stalled.abort(this.reason()), this.limit);
                try {
                    yield chunk.subarray(at, at + WATCHED_BYTES);
                } finally {
                    clearTimeout(timer);
                }
            }
        }
    }

    private reason(): RegistryError {
        return new RegistryError(`the registry accepted no byte for ${this.limit / 1000} s`, {
            ...this.context,
            code: "TIMEOUT",
            fix: `check the network and the registry's disk${resumeHint(this.context)}`,
        });
    }
}
