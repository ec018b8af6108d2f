import type { Wait } from "../../lib/distribution/client/registry-client";
import { formatWithoutFix } from "../../lib/errors/format";
import type { ResourceLog } from "./engine";

const TICK_MS = 500;
/** A terminal shows each line in place of the one before; anywhere else the engine prints each of them, so there are few. */
const LINE_EVERY_MS = 10_000;

/**
 * How far an operation is, on its resource's own row. A timer prints it, so that there is a line also while nothing moves,
 * with the reason.
 */
export class ProgressRow {
    private text = "";
    private shown = "";
    private wait: Wait | undefined;
    private movedAt = Date.now();
    private lineAt = Date.now();
    private readonly timer: NodeJS.Timeout;
    // The provider's own output is never a terminal: only whoever started the CLI knows of one.
    private readonly isTerminal = process.env.REGISTRY_PASSTHROUGH_PROGRESS === "row";

    constructor(private readonly log: ResourceLog) {
        this.timer = setInterval(() => this.tick(), TICK_MS);
        this.timer.unref();
    }

    /** Something moved. */
    show(text: string): void {
        if (text === this.text) return;
        this.text = text;
        this.wait = undefined;
        this.movedAt = Date.now();
    }

    /** A request waits to be repeated. */
    waiting(wait: Wait): void {
        this.wait = wait;
    }

    /** Stops the timer. */
    stop(): void {
        clearInterval(this.timer);
    }

    private tick(): void {
        const now = Date.now();
        const idle = now - this.movedAt;
        // A terminal cuts the row: what keeps it from moving is first.
        const text = [this.reason(idle), this.text].filter((part) => part !== "").join("; ");
        const isDue = now - this.lineAt >= LINE_EVERY_MS;
        if (this.isTerminal ? text === this.shown : !isDue) return;
        this.shown = text;
        this.lineAt = now;
        this.log.status(text === "" ? `waiting for ${Math.round(idle / 1000)} s` : text);
    }

    private reason(idle: number): string {
        if (this.wait !== undefined) return waitText(this.wait);
        return idle >= LINE_EVERY_MS && this.text !== "" ? `nothing moved for ${Math.floor(idle / 1000)} s` : "";
    }
}

/** "trying again in 2 s: SERVER_ERROR (503) at registry.example:8443: HEAD mirror/quay.io/org/app/manifests/1.2: …". */
function waitText({ problem, seconds }: Wait): string {
    const soon = seconds < 1 ? "" : ` in ${Math.round(seconds)} s`;
    return `trying again${soon}: ${formatWithoutFix(problem)}`;
}
