import { Pace } from "./pace";
import { Tolerance, type Trouble } from "./tolerance";

/** What a request weighs: a question is answered from memory or disk, a body goes over the line. */
export type Load = "question" | "body";

const LOADS: readonly Load[] = ["question", "body"];

/**
 * Milliseconds of a round trip up to which a host is near. At n times the distance, n times as many requests in flight bring as
 * much in a second, so the search begins with so many. Of bodies fewer: on a thin line they share it for long.
 */
const NEAR: Readonly<Record<Load, number>> = { question: 10, body: 20 };

/** A request that is about to be sent. */
export interface Departure {
    readonly load: Load;
    /** What is asked, as far as it says how long that takes: the method. Absent: its time says nothing. */
    readonly name?: string | undefined;
    /** Of its body. */
    readonly bytes?: number | undefined;
}

/** A request in flight. Each of them ends once. */
export interface Flight {
    /** @param isWhole it was answered as asked, so its time counts */
    answered(isWhole: boolean): void;
    /** @returns whether it begins a burst of trouble */
    troubled(trouble: Trouble): boolean;
    /** It ended with something that does not speak of the host. */
    ended(): void;
}

/**
 * How many requests are in flight to one host: as many as are worth it, for questions and bodies each, and together no
 * more than it puts up with. Nothing but decisions: who waits, and for how long, is decided elsewhere.
 */
export class HostPace {
    readonly tolerance: Tolerance;
    private readonly paces: Record<Load, Pace>;
    private readonly running: Record<Load, number> = { question: 0, body: 0 };
    private reserved = 0;
    private sent = 0;
    private roundTrip = Infinity;

    /**
     * @param ceiling the most requests in flight
     * @param now milliseconds of a clock that only goes forward
     */
    constructor(
        ceiling: number,
        private readonly now: () => number,
    ) {
        this.tolerance = new Tolerance(ceiling, now);
        this.paces = { question: new Pace(ceiling), body: new Pace(ceiling) };
    }

    /** Bodies that may be in flight now. */
    get bodies(): number {
        return Math.min(this.paces.body.level, this.tolerance.level);
    }

    /** Requests in flight, of both kinds. */
    get inFlight(): number {
        return this.running.question + this.running.body;
    }

    /** The most requests in flight from now on. */
    setCeiling(ceiling: number): void {
        this.tolerance.setCeiling(ceiling);
        for (const pace of Object.values(this.paces)) pace.setCeiling(ceiling);
    }

    /** As `Pace.fix`, for requests of both kinds. */
    fix(level: number): void {
        this.setCeiling(level);
        for (const pace of Object.values(this.paces)) pace.fix(level);
    }

    /**
     * A connection was opened. The shortest round trip counts: what makes others longer is not the way.
     * @param roundTrip milliseconds
     */
    opened(roundTrip: number): void {
        this.roundTrip = Math.min(this.roundTrip, roundTrip);
        for (const load of LOADS) this.paces[load].beginAt(this.roundTrip / NEAR[load]);
    }

    /**
     * One question has room whatever else is in flight, beside those that were reserved before: what holds the other places
     * may be waiting for its answer.
     * @returns what ends that
     */
    reserve(): () => void {
        this.reserved++;
        return () => void this.reserved--;
    }

    /** True if one more may begin. */
    hasRoom(load: Load): boolean {
        if (load === "question" && this.running.question < this.reserved) return true;
        return this.inFlight < this.tolerance.level && this.running[load] < this.paces[load].level;
    }

    /** One more has a place; it is sent by `begin`. */
    take(load: Load): void {
        this.running[load]++;
    }

    /** It was not sent after all. */
    giveBack(load: Load): void {
        this.running[load]--;
    }

    /** A request that has a place is sent now. */
    begin({ load, name, bytes = 0 }: Departure): Flight {
        const number = ++this.sent;
        const since = this.now();
        const together = { all: this.inFlight, alike: this.running[load] };
        return {
            answered: (isWhole) => {
                this.tolerance.answered(together.all);
                if (isWhole && name !== undefined) {
                    const sample = { name, bytes, took: this.now() - since, together: together.alike, number };
                    this.paces[load].note(sample, this.sent);
                }
                this.running[load]--;
            },
            troubled: (trouble) => {
                const { sent, inFlight: running } = this;
                const isFirst = this.tolerance.troubled(trouble, { number, sent, running });
                this.running[load]--;
                return isFirst;
            },
            ended: () => void this.running[load]--,
        };
    }
}
