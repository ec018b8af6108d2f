import { once } from "node:events";
import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { ByteWatch, Fault, Passed } from "./fault";

/** The connection ends before all was carried. */
class EarlyEnd extends Error {}

/** Carries the bodies of one request and its answer, with the fault that belongs to it. */
export class BodyCarrier {
    constructor(
        private readonly fault: Fault | undefined,
        private readonly watch: ByteWatch,
        /** Cuts the client's connection. */
        private readonly reset: () => void,
        private readonly stopped: AbortSignal,
    ) {}

    async *request(body: AsyncIterable<Buffer>, passed: Passed): AsyncIterable<Buffer> {
        for await (const chunk of this.side("request", body)) {
            passed.bytes += chunk.length;
            yield chunk;
        }
    }

    answer(body: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
        return this.side("answer", body);
    }

    /** The registry has answered, and nothing of it was passed back. */
    async beforeHead(): Promise<void> {
        if (this.fault?.kind === "kept-answer") {
            await this.fault.until();
            this.cut();
        }
        if (this.fault?.kind === "reset-answer" && this.fault.after === "head") this.cut();
    }

    /** Takes everything and keeps silent until the proxy ends. */
    async swallow(body: Readable): Promise<void> {
        await finished(body.resume());
        await this.forever();
    }

    private async *side(side: "request" | "answer", body: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
        const { fault } = this;
        const limit = this.limit(side);
        let carried = 0;
        // A fault at the first byte must not wait for a body that never comes.
        if (limit === 0) await this.act();
        for await (const chunk of body) {
            const verdict = this.watch(side, chunk.length);
            if (verdict === "reset") this.cut();
            if (verdict === "stall") await this.forever();
            if (fault?.kind === `trickle-${side}` && "interval" in fault) yield* this.drops(chunk, fault.interval);
            else if (carried + chunk.length > limit) {
                yield chunk.subarray(0, limit - carried);
                await this.act();
            } else yield chunk;
            carried += chunk.length;
        }
    }

    private limit(side: "request" | "answer"): number {
        const { fault } = this;
        if (fault === undefined || !("after" in fault) || typeof fault.after !== "number") return Infinity;
        const itsSide = fault.kind.endsWith("request") ? "request" : "answer";
        return itsSide === side ? fault.after : Infinity;
    }

    private async act(): Promise<void> {
        const kind = this.fault?.kind ?? "";
        if (kind.startsWith("stall")) await this.forever();
        if (kind.startsWith("reset")) this.cut();
        throw new EarlyEnd();
    }

    private cut(): never {
        this.reset();
        throw new EarlyEnd();
    }

    private async *drops(chunk: Buffer, interval: number): AsyncIterable<Buffer> {
        for (let at = 0; at < chunk.length; at++) {
            yield chunk.subarray(at, at + 1);
            await delay(interval, undefined, { signal: this.stopped });
        }
    }

    private async forever(): Promise<never> {
        if (!this.stopped.aborted) await once(this.stopped, "abort");
        throw new EarlyEnd();
    }
}
