import { setTimeout as delay } from "node:timers/promises";
import { debug } from "../../debug/debug";
import { RegistryError, type RequestContext } from "../../errors/errors";
import { type Departure, type Flight, HostPace, type Load } from "./host-pace";
import { isBusy, isUnreachable } from "./retry";

/** The most requests in flight to one host, unless the site says otherwise. */
export const DEFAULT_REQUESTS = 64;

/** Reports the end of a request in flight, once; later reports are ignored. */
export interface Pass {
    /**
     * The host gave a response that is not about being busy.
     * @param isWhole it did what was asked, and its body was read to the end: how long that took counts
     */
    answered(isWhole?: boolean): void;
    /** It failed: only what speaks of the host or the way to it counts. */
    failed(error: unknown): void;
}

/** A request that waits for its turn. */
interface Waiting {
    readonly load: Load;
    readonly admitted: () => void;
}

/**
 * How fast one registry host is asked, over every client of this process: as fast as brings more (`Pace`), and as it puts
 * up with (`Tolerance`): signs of too much are 429, 5xx, "database is locked", lost connections and timeouts. A wait that
 * the registry asks for holds back every request to it.
 */
export class HostLimiter {
    private readonly pace: HostPace;
    private waiting: Waiting[] = [];
    private gate: { readonly until: number; readonly because: Reason } | undefined;
    private failingSince: number | undefined;
    /** Refusals since the last answer, and how many requests were allowed when they began. */
    private refusals = { inARow: 0, allowed: 0 };

    /**
     * @param host `host[:port]`, for errors
     * @param now milliseconds of a clock that only goes forward
     */
    constructor(
        private readonly host: string,
        now: () => number = () => performance.now(),
    ) {
        this.pace = new HostPace(DEFAULT_REQUESTS, now);
    }

    /** Requests that may be in flight now, as far as the host puts up with them. */
    get requests(): number {
        return this.pace.tolerance.level;
    }

    /** Bodies among them that may be. */
    get bodies(): number {
        return this.pace.bodies;
    }

    /** Milliseconds since the first failure after the host's last response of any kind; 0 if it responds. */
    get silentFor(): number {
        return this.failingSince === undefined ? 0 : Date.now() - this.failingSince;
    }

    /** The most requests in flight; a pace that was not slowed down goes along. */
    setCeiling(ceiling: number): void {
        this.pace.setCeiling(ceiling);
        this.admit();
    }

    /** A connection to the host was opened, and a round trip took so many milliseconds. */
    opened(roundTrip: number): void {
        this.pace.opened(roundTrip);
        this.admit();
    }

    /** So many requests in flight from now on, without a search: for measurements. */
    fix(level: number): void {
        this.pace.fix(level);
        this.admit();
    }

    /**
     * As `HostPace.reserve`: for bytes that a request under way waits for, with a place of its own.
     * @returns what ends that
     */
    reserve(): () => void {
        return this.pace.reserve();
    }

    /**
     * Waits until a request may be sent.
     * @param patience milliseconds that a gate may hold it back
     * @throws RegistryError with the gate's own code if it holds longer; the signal's reason
     */
    async enter(
        operation: string,
        patience: number,
        signal: AbortSignal | undefined,
        departure: Departure = { load: "question" },
    ): Promise<Pass> {
        await this.place(departure.load, signal);
        try {
            await this.passGate(operation, patience, signal);
        } catch (error) {
            this.pace.giveBack(departure.load);
            this.admit();
            throw error;
        }
        return this.pass(this.pace.begin(departure));
    }

    /**
     * The host refused a request without saying for how long, and that request waits so long. All others wait with it if
     * the host takes none of them; else fewer at once are enough.
     */
    leaveAlone(milliseconds: number, because: RegistryError): void {
        if (this.refusals.inARow >= this.refusals.allowed) this.pause(milliseconds, because);
    }

    /** Holds every request to the host back for so long. */
    pause(milliseconds: number, because: RegistryError): void {
        const until = Date.now() + milliseconds;
        if (until <= (this.gate?.until ?? 0)) return;
        const { code, status, retryAfter } = because;
        debug("retry", () => `no request to the host for ${Math.round(milliseconds)} ms: ${because.message}`);
        this.gate = { until, because: { code, status, retryAfter } };
    }

    private async passGate(operation: string, patience: number, signal: AbortSignal | undefined): Promise<void> {
        for (let gate = this.gate; gate !== undefined; gate = this.gate) {
            const left = gate.until - Date.now();
            if (left <= 0) return;
            if (left > patience) throw heldBack({ operation, registry: this.host }, left, gate.because);
            debug("retry", () => `${operation}: waits ${left} ms for the host (${gate.because.code})`);
            // Its own AbortError would hide why.
            await delay(left, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted());
        }
    }

    private pass(flight: Flight): Pass {
        let isOver = false;
        const end = (note: () => void) => {
            if (isOver) return;
            isOver = true;
            note();
            this.admit();
        };
        return {
            answered: (isWhole = false) =>
                end(() => {
                    this.failingSince = undefined;
                    this.refusals = { inARow: 0, allowed: 0 };
                    flight.answered(isWhole);
                }),
            failed: (error) => end(() => this.note(flight, error)),
        };
    }

    private note(flight: Flight, error: unknown): void {
        if (isUnreachable(error)) this.failingSince ??= Date.now();
        else if (error instanceof RegistryError && error.status !== undefined) this.failingSince = undefined;
        if (!isBusy(error) && !isUnreachable(error)) {
            flight.ended();
            return;
        }
        if (error.retryAfter !== undefined) this.pause(error.retryAfter * 1000, error);
        const before = this.requests;
        if (isBusy(error)) {
            const { inARow, allowed } = this.refusals;
            this.refusals = { inARow: inARow + 1, allowed: inARow === 0 ? this.pace.inFlight : allowed };
        }
        if (!flight.troubled(isBusy(error) ? "busy" : "unreachable")) return;
        debug("retry", () => `requests in flight: ${before} -> ${this.requests}, since ${error.message}`);
    }

    private async place(load: Load, signal: AbortSignal | undefined): Promise<void> {
        signal?.throwIfAborted();
        if (this.pace.hasRoom(load)) {
            this.pace.take(load);
            return;
        }
        await new Promise<void>((resolve, reject) => {
            const waiting = {
                load,
                admitted: () => {
                    signal?.removeEventListener("abort", aborted);
                    resolve();
                },
            };
            const aborted = () => {
                this.waiting = this.waiting.filter((one) => one !== waiting);
                reject(signal?.reason as Error);
            };
            signal?.addEventListener("abort", aborted, { once: true });
            this.waiting.push(waiting);
        });
    }

    /** In the order in which they came; a kind that has no room does not hold up the other. */
    private admit(): void {
        for (;;) {
            const next = this.waiting.findIndex(({ load }) => this.pace.hasRoom(load));
            const [admitted] = next < 0 ? [] : this.waiting.splice(next, 1);
            if (admitted === undefined) return;
            this.pace.take(admitted.load);
            admitted.admitted();
        }
    }
}

/** Of the error that made a wait: the error itself would keep the whole run that met it in memory, for as long as the pace. */
type Reason = Pick<RegistryError, "code" | "status" | "retryAfter">;

function heldBack(context: RequestContext, milliseconds: number, because: Reason): RegistryError {
    const seconds = Math.ceil(milliseconds / 1000);
    const why =
        because.retryAfter === undefined
            ? `the registry is busy, and nothing is sent to it for ${seconds} s`
            : `the registry asked for no request in the next ${seconds} s`;
    return new RegistryError(`not sent: ${why}`, {
        ...context,
        code: because.code,
        status: because.status,
        retryAfter: seconds,
        fix: "run again after that, or raise site.transfer.retrySeconds",
    });
}

const paces = new Map<string, HostLimiter>();

/** The one pace of a host (its origin) in this process. */
export function hostLimiter(origin: string): HostLimiter {
    const known = paces.get(origin) ?? new HostLimiter(new URL(origin).host);
    paces.set(origin, known);
    return known;
}
