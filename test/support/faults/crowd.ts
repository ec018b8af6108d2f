import { setTimeout as delay } from "node:timers/promises";
import { type Asked, isBlobPut } from "./fault";

/** Milliseconds that a request is kept: all that may be under way beside it have come by then. */
const STAY = 50;

/** The most requests that were under way to a registry at once. */
export class Crowd {
    requests = 0;
    /** Those with the bytes of a blob. */
    blobs = 0;
    private now = { requests: 0, blobs: 0 };

    /** A request comes, and stays for a while; it is not answered yet when it stops being counted. */
    async join(asked: Asked): Promise<void> {
        const blobs = isBlobPut(asked) ? 1 : 0;
        this.count(1, blobs);
        await delay(STAY);
        this.count(-1, -blobs);
    }

    private count(requests: number, blobs: number): void {
        this.now = { requests: this.now.requests + requests, blobs: this.now.blobs + blobs };
        this.requests = Math.max(this.requests, this.now.requests);
        this.blobs = Math.max(this.blobs, this.now.blobs);
    }
}
