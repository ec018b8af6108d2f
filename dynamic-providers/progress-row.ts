import type { Wait } from "../lib/oci/registry-client";
import type { ResourceLog } from "./engine";

/** A terminal shows each line in place of the one before; elsewhere every line stays, so there are few. */
const STATUS_EVERY_MS = 500;
const LINE_EVERY_MS = 10_000;

/**
 * How far an operation is, on its resource's own row: a clock tells it, so that something is said also while nothing
 * moves, and then why.
 */
export class ProgressRow {
    private text = "";
    private shown = "";
    private wait: Wait | undefined;
    private movedAt = Date.now();
    private lineAt = Date.now();
    private readonly timer: NodeJS.Timeout;
    // Told by whoever started the CLI: the provider's own output is never a terminal.
    private readonly isPlain = process.env.REGISTRY_PASSTHROUGH_PROGRESS === "lines";

    constructor(private readonly log: ResourceLog) {
        this.timer = setInterval(() => this.tick(), STATUS_EVERY_MS);
        this.timer.unref();
    }

    /** Something moved. */
    show(text: string): void {
        if (text === this.text) return;
        this.text = text;
        this.wait = undefined;
        this.movedAt = Date.now();
    }

    /** Something waits. */
    waiting(wait: Wait): void {
        this.wait = wait;
    }

    /** The clock is stopped; what was said stays. */
    stop(): void {
        clearInterval(this.timer);
    }

    private tick(): void {
        const now = Date.now();
        const idle = now - this.movedAt;
        const text = [this.text, this.reason(idle)].filter((part) => part !== "").join("; ");
        if (text !== this.shown) this.log.status(text);
        this.shown = text;
        if (!this.isPlain || now - this.lineAt < LINE_EVERY_MS) return;
        this.lineAt = now;
        this.log.line("info", text === "" ? `waiting for ${Math.round(idle / 1000)} s` : text);
    }

    private reason(idle: number): string {
        if (this.wait !== undefined) return waitText(this.wait);
        return idle >= LINE_EVERY_MS && this.text !== "" ? `nothing moved for ${Math.floor(idle / 1000)} s` : "";
    }
}

/** "trying again in 2 s: HEAD mirror/quay.io/org/app/manifests/1.2: UNEXPECTED_ANSWER (503)". */
export function waitText({ operation, problem, seconds }: Wait): string {
    const soon = seconds < 1 ? "" : ` in ${Math.round(seconds)} s`;
    return `trying again${soon}: ${operation}: ${problem}`;
}
