import { setTimeout as delay } from "node:timers/promises";
import { debug } from "../../debug/debug";
import { RegistryError, type RequestContext } from "../../errors/errors";
import { isBusy, isUnreachable } from "./retry";

/** Requests in flight to one host, unless the site says otherwise. */
export const DEFAULT_REQUESTS = 24;

/** Reports the end of a request in flight, once; later reports are ignored. */
export interface Pass {
    /** The host gave a response that is not about being busy. */
    answered(): void;
    /** It failed: only what speaks of the host or the way to it counts. */
    failed(error: unknown): void;
}

/**
 * How fast one registry host is asked, over every client of this process. As a TCP sender shares a line: each sign of
 * too much (429, 5xx, "database is locked", lost connections, timeouts) halves the requests in flight, each round of
 * answers adds one, up to the ceiling. A wait that the registry asks for holds back every request to it.
 */
export class HostLimiter {
    private ceiling = DEFAULT_REQUESTS;
    private limit = DEFAULT_REQUESTS;
    private running = 0;
    private readonly waiting: (() => void)[] = [];
    private gate: { readonly until: number; readonly because: Reason } | undefined;
    private entered = 0;
    /** Requests that began before the last slowing down do not slow down again: they are of the same burst. */
    private slowedAt = 0;
    private failingSince: number | undefined;

    /** @param host `host[:port]`, for errors */
    constructor(private readonly host: string) {}

    /** Requests that may be in flight now. */
    get requests(): number {
        return Math.floor(this.limit);
    }

    /** Milliseconds since the first failure after the host's last response of any kind; 0 if it responds. */
    get silentFor(): number {
        return this.failingSince === undefined ? 0 : Date.now() - this.failingSince;
    }

    /** The most requests in flight; a pace that was not slowed down goes along. */
    setCeiling(ceiling: number): void {
        const isFull = this.limit >= this.ceiling;
        this.ceiling = ceiling;
        this.limit = isFull ? ceiling : Math.min(this.limit, ceiling);
        this.admit();
    }

    /**
     * Waits until a request may be sent.
     * @param patience milliseconds that a gate may hold it back
     * @throws RegistryError with the gate's own code if it holds longer; the signal's reason
     */
    async enter(operation: string, patience: number, signal: AbortSignal | undefined): Promise<Pass> {
        await this.place(signal);
        try {
            await this.passGate(operation, patience, signal);
        } catch (error) {
            this.leave();
            throw error;
        }
        return this.pass();
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

    private pass(): Pass {
        const number = ++this.entered;
        let isOver = false;
        const end = (note: () => void) => {
            if (isOver) return;
            isOver = true;
            note();
            this.leave();
        };
        return {
            answered: () => end(() => this.faster()),
            failed: (error) => end(() => this.note(number, error)),
        };
    }

    private note(number: number, error: unknown): void {
        if (isUnreachable(error)) this.failingSince ??= Date.now();
        else if (error instanceof RegistryError && error.status !== undefined) this.failingSince = undefined;
        if (!isBusy(error) && !isUnreachable(error)) return;
        if (error.retryAfter !== undefined) this.pause(error.retryAfter * 1000, error);
        if (number <= this.slowedAt) return;
        this.slowedAt = this.entered;
        // What was not in flight was not too much.
        const before = this.requests;
        this.limit = Math.max(1, Math.min(this.limit, this.running) / 2);
        debug("retry", () => `requests in flight: ${before} -> ${this.requests}, since ${error.message}`);
    }

    private faster(): void {
        this.failingSince = undefined;
        this.limit = Math.min(this.ceiling, this.limit + 1 / this.limit);
    }

    private async place(signal: AbortSignal | undefined): Promise<void> {
        signal?.throwIfAborted();
        if (this.running < this.requests) {
            this.running++;
            return;
        }
        await new Promise<void>((resolve, reject) => {
            const admitted = () => {
                signal?.removeEventListener("abort", aborted);
                resolve();
            };
            const aborted = () => {
                this.waiting.splice(this.waiting.indexOf(admitted), 1);
                reject(signal?.reason as Error);
            };
            signal?.addEventListener("abort", aborted, { once: true });
            this.waiting.push(admitted);
        });
    }

    private leave(): void {
        this.running--;
        this.admit();
    }

    private admit(): void {
        while (this.running < this.requests) {
            const next = this.waiting.shift();
            if (next === undefined) return;
            this.running++;
            next();
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
