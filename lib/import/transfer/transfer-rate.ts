/** Long enough for a few pauses, short enough to follow a line that has become slow. */
const WINDOW_MS = 15_000;
/** A whole window is made of so many sums. */
const SUM_MS = 500;

/** Bytes per second over the last seconds, in constant memory. Times are milliseconds that never go back. */
export class TransferRate {
    private readonly sums: { from: number; bytes: number }[] = [];

    constructor(private readonly began: number) {}

    add(at: number, bytes: number): void {
        const last = this.sums.at(-1);
        if (last !== undefined && at - last.from < SUM_MS) last.bytes += bytes;
        else this.sums.push({ from: at, bytes });
        this.forget(at);
    }

    bytesPerSecond(at: number): number {
        this.forget(at);
        const span = Math.min(WINDOW_MS, at - this.began);
        if (span <= 0) return 0;
        return (this.sums.reduce((sum, { bytes }) => sum + bytes, 0) * 1000) / span;
    }

    private forget(at: number): void {
        while (this.sums[0] !== undefined && this.sums[0].from <= at - WINDOW_MS) this.sums.shift();
    }
}
