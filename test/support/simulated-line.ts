import { type Flight, HostPace, type Load } from "../../lib/distribution/limits/host-pace";

/** A line and the host at its end, in simulated time. */
export interface SimulatedLine {
    /** Milliseconds there and back. */
    readonly roundTrip: number;
    /** Bytes per millisecond, shared by all bodies on their way. */
    readonly rate: number;
    /** Bytes per millisecond of one connection; absent: all of the line. */
    readonly connectionRate?: number;
    /** Milliseconds of work that the host has with a question, and with a body. */
    readonly work: Readonly<Record<Load, number>>;
    /** Requests that the host works on at the same time; more share them. */
    readonly cores: number;
    /** Requests that it takes at once; the others are refused. */
    readonly takes?: number;
}

interface Request {
    readonly load: Load;
    readonly flight: Flight;
    readonly done: () => void;
    /** Bytes that are not sent yet, then milliseconds of work that are left. */
    left: number;
}

/** How long a transfer took, and what it met. */
export interface SimulatedRun {
    readonly milliseconds: number;
    readonly refusals: number;
    /** The most requests in flight, and bodies among them. */
    readonly peak: number;
    readonly peakBodies: number;
}

/** Blobs worked on at once, as an import does: at most, and for each that may be sent. */
const MOST_BLOBS = 32;
const BEGUN_AHEAD = 2;
/** Bytes and milliseconds that count as none: floating-point numbers never meet zero. */
const NOTHING = 1e-6;

/**
 * Sends blobs of these sizes through a line: for each of them a question, then its body; what is refused is sent again
 * after a wait that doubles.
 * @param level fixed requests in flight; absent: they are found
 * @param scatter a factor for the work of each request
 */
export function simulate(
    line: SimulatedLine,
    sizes: readonly number[],
    level?: number,
    scatter: () => number = () => 1,
): SimulatedRun {
    return new Simulation(line, scatter).run(sizes, level);
}

class Simulation {
    private now = 0;
    private readonly pace = new HostPace(64, () => this.now);
    private readonly timers: { readonly at: number; readonly ring: () => void }[] = [];
    private readonly onLine = new Set<Request>();
    private readonly atWork = new Set<Request>();
    private readonly waiting: { readonly load: Load; readonly send: () => void }[] = [];
    private idleConnections = 0;
    private served = 0;
    private refusals = 0;
    private peak = 0;
    private bodies = 0;
    private peakBodies = 0;

    constructor(
        private readonly line: SimulatedLine,
        private readonly scatter: () => number,
    ) {}

    run(sizes: readonly number[], level?: number): SimulatedRun {
        if (level !== undefined) this.pace.fix(level);
        const left = [...sizes];
        let open = left.length;
        let atOnce = 0;
        const next = () => {
            const most = level === undefined ? Math.min(MOST_BLOBS, BEGUN_AHEAD * this.pace.bodies) : MOST_BLOBS;
            while (atOnce < most) {
                const size = left.shift();
                if (size === undefined) return;
                atOnce++;
                this.ask("question", 0, () =>
                    this.ask("body", size, () => {
                        open--;
                        atOnce--;
                        next();
                    }),
                );
            }
        };
        next();
        while (open > 0) this.step();
        return { milliseconds: this.now, refusals: this.refusals, peak: this.peak, peakBodies: this.peakBodies };
    }

    private ask(load: Load, bytes: number, then: () => void, wait = 250): void {
        const again = () => this.after(wait, () => this.ask(load, bytes, then, Math.min(8000, wait * 2)));
        this.waiting.push({ load, send: () => this.send(load, bytes, then, again) });
        this.admit();
    }

    private admit(): void {
        for (;;) {
            const next = this.waiting.findIndex(({ load }) => this.pace.hasRoom(load));
            const [admitted] = next < 0 ? [] : this.waiting.splice(next, 1);
            if (admitted === undefined) return;
            this.pace.take(admitted.load);
            admitted.send();
        }
    }

    private send(load: Load, bytes: number, done: () => void, refused: () => void): void {
        this.peak = Math.max(this.peak, this.pace.inFlight);
        if (load === "body") this.peakBodies = Math.max(this.peakBodies, ++this.bodies);
        const flight = this.pace.begin({ load, name: load, bytes });
        const { roundTrip, takes = Infinity } = this.line;
        // A new connection is TCP and TLS first.
        const isNew = this.idleConnections === 0;
        if (!isNew) this.idleConnections--;
        else this.after(2 * roundTrip, () => this.opened());
        this.after((isNew ? 2 * roundTrip : 0) + roundTrip / 2, () => {
            if (this.served >= takes) {
                this.refusals++;
                this.after(roundTrip / 2, () => this.end(load, () => flight.troubled("busy"), refused));
                return;
            }
            this.served++;
            this.onLine.add({ load, flight, done, left: bytes });
        });
    }

    private opened(): void {
        this.pace.opened(this.line.roundTrip);
        this.admit();
    }

    private end(load: Load, note: () => unknown, done: () => void): void {
        this.idleConnections++;
        if (load === "body") this.bodies--;
        note();
        this.admit();
        done();
    }

    private step(): void {
        const { rate, connectionRate = Infinity, cores, work, roundTrip } = this.line;
        const speed = Math.min(connectionRate, rate / Math.max(1, this.onLine.size));
        const effort = Math.min(1, cores / Math.max(1, this.atWork.size));
        const passed = Math.min(
            ...this.timers.map(({ at }) => at - this.now),
            ...[...this.onLine].map(({ left }) => left / speed),
            ...[...this.atWork].map(({ left }) => left / effort),
        );
        this.now += passed;
        for (const request of this.atWork) {
            request.left -= passed * effort;
            if (request.left > NOTHING) continue;
            this.atWork.delete(request);
            this.served--;
            const { load, flight, done } = request;
            this.after(roundTrip / 2, () => this.end(load, () => flight.answered(true), done));
        }
        for (const request of this.onLine) {
            request.left -= passed * speed;
            if (request.left > NOTHING) continue;
            this.onLine.delete(request);
            request.left = work[request.load] * this.scatter();
            this.atWork.add(request);
        }
        for (const timer of this.timers.filter(({ at }) => at <= this.now + NOTHING)) {
            this.timers.splice(this.timers.indexOf(timer), 1);
            timer.ring();
        }
    }

    private after(milliseconds: number, ring: () => void): void {
        this.timers.push({ at: this.now + milliseconds, ring });
    }
}
