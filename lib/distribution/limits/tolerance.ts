/** Milliseconds until a level at which the host was busy is tried again; doubled while it is. */
const FIRST_REST = 1000;
const LONGEST_REST = 60_000;
/** Busy again within so many rests: it is the level, not the moment. */
const RESTS = 10;

/** Why a request counts against the host: it refused it as one too many, or it gave no answer. */
export type Trouble = "busy" | "unreachable";

/**
 * How many requests a host puts up with. Each burst of trouble halves what is in flight, and each round of answers adds
 * one, as a TCP sender shares a line. Where the host took a part of a burst and refused the rest, the part that it took is
 * remembered: that level is kept, and only exceeded after a while, later each time.
 */
export class Tolerance {
    private limit: number;
    /** Requests that began before the last slowing down do not slow down again: they are of the same burst. */
    private slowedAt = 0;
    private burst = { running: 0, refused: 0 };
    /** The lowest level at which the host is known to refuse. */
    private busyAt: number | undefined;
    private answeredThere = 0;
    private busySince = -Infinity;
    private rest = 0;

    /**
     * @param ceiling the most requests in flight
     * @param now milliseconds of a clock
     */
    constructor(
        private ceiling: number,
        private readonly now: () => number,
    ) {
        this.limit = ceiling;
    }

    /** Requests that may be in flight now, at least 1. */
    get level(): number {
        return Math.floor(Math.min(this.limit, this.top));
    }

    /** The most requests in flight from now on; a host that was not slowed down goes along. */
    setCeiling(ceiling: number): void {
        const isFull = this.limit >= this.ceiling;
        this.ceiling = ceiling;
        this.limit = isFull ? ceiling : Math.min(this.limit, ceiling);
    }

    /** @param together requests in flight when it was sent, itself among them */
    answered(together: number): void {
        if (this.busyAt !== undefined && together >= this.busyAt && ++this.answeredThere >= 2 * this.busyAt) {
            this.busyAt = undefined;
        }
        this.limit = Math.min(this.top, this.limit + 1 / this.limit);
    }

    /**
     * @param number of the request, in the order in which they were sent
     * @param sent number of the last one that was sent
     * @param running requests in flight, itself among them
     * @returns whether it begins a burst
     */
    troubled(trouble: Trouble, { number, sent, running }: Record<"number" | "sent" | "running", number>): boolean {
        const isFirst = number > this.slowedAt;
        if (isFirst) {
            this.slowedAt = sent;
            this.burst = { running, refused: 0 };
            // What was not in flight was not too much.
            const isKnown = trouble === "busy" && this.busyAt !== undefined && running >= this.busyAt;
            if (!isKnown) this.limit = Math.max(1, Math.min(this.limit, running) / 2);
        }
        if (trouble === "busy") this.remember(isFirst);
        return isFirst;
    }

    private remember(isFirst: boolean): void {
        this.burst.refused++;
        const taken = this.burst.running - this.burst.refused;
        // A host that took none of them is busy with something else.
        this.busyAt = taken > 0 ? taken + 1 : undefined;
        this.answeredThere = 0;
        if (!isFirst) return;
        const isAgain = this.now() - this.busySince < RESTS * this.rest;
        this.rest = isAgain ? Math.min(LONGEST_REST, 2 * this.rest) : FIRST_REST;
        this.busySince = this.now();
    }

    private get top(): number {
        if (this.busyAt === undefined) return this.ceiling;
        const isRested = this.now() >= this.busySince + this.rest;
        return Math.min(this.ceiling, isRested ? this.busyAt : this.busyAt - 1);
    }
}
