import { setTimeout as delay } from "node:timers/promises";
import { type Asked, isBlobPut } from "./fault";

/** Milliseconds that a request is kept: one that is too many comes within that time. */
const STAY = 50;
/** The same while fewer requests than are allowed have been there at once: however slow the machine is, they come. */
const PATIENCE = 2000;

interface Counts {
    readonly requests: number;
    /** Those with the bytes of a blob. */
    readonly blobs: number;
}

/** The most requests that were under way to a registry at once. */
export class Crowd {
    private most: Counts = { requests: 0, blobs: 0 };
    private now: Counts = { requests: 0, blobs: 0 };
    /** Ends the wait of those who are there: one that was missing has come. */
    private complete = new AbortController();

    /** @param allowed the caps of the site */
    constructor(private readonly allowed: Counts) {}

    get peak(): Counts {
        return this.most;
    }

    /** A request comes, and stays for a while; it has no response yet when it stops being counted. */
    async join(asked: Asked): Promise<void> {
        const blobs = isBlobPut(asked) ? 1 : 0;
        this.count(1, blobs);
        const isExpected =
            blobs === 1 ? this.most.blobs < this.allowed.blobs : this.most.requests < this.allowed.requests;
        const { signal } = this.complete;
        if (isExpected) await delay(PATIENCE, undefined, { signal }).catch(() => undefined);
        await delay(STAY);
        this.count(-1, -blobs);
    }

    private count(requests: number, blobs: number): void {
        this.now = { requests: this.now.requests + requests, blobs: this.now.blobs + blobs };
        const before = this.most;
        this.most = {
            requests: Math.max(before.requests, this.now.requests),
            blobs: Math.max(before.blobs, this.now.blobs),
        };
        const isComplete = (counts: Counts, kind: keyof Counts) => counts[kind] >= this.allowed[kind];
        if ((["requests", "blobs"] as const).some((kind) => isComplete(this.most, kind) && !isComplete(before, kind))) {
            this.complete.abort();
            this.complete = new AbortController();
        }
    }
}
