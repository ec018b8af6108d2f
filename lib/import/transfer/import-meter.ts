import { TransferRate } from "./transfer-rate";

/** How far an import is. Nothing in it ever goes back: a repeated transfer counts only what it adds. */
export interface ImportProgress {
    readonly images: number;
    readonly ofImages: number;
    readonly bytes: number;
    /**
     * Grows when a registry refuses a mount: those bytes are sent beyond the plan. Gets less by what an earlier run has sent
     * of a blob that is continued.
     */
    readonly ofBytes: number;
    /** Of the last seconds. */
    readonly bytesPerSecond: number;
    /** Absent while nothing moves, and while too little has moved for an estimate. */
    readonly secondsLeft?: number;
}

/**
 * Before that no time left is estimated: at first connections are opened and small blobs are sent, so the rate of the whole
 * import is not known yet. Milliseconds, and the part of all bytes.
 */
const MIN_TIME = 5000;
const MIN_PART = 0.01;

/** Counts what an import has done. */
export class ImportMeter {
    private bytes = 0;
    private readonly rate: TransferRate;
    /** When the first bytes were sent. */
    private firstAt: number | undefined;

    constructor(
        private images: number,
        private readonly ofImages: number,
        private ofBytes: number,
        private readonly now: () => number = Date.now,
    ) {
        this.rate = new TransferRate(now());
    }

    imageDone(): void {
        this.images++;
    }

    sent(bytes: number): void {
        this.bytes += bytes;
        this.firstAt ??= this.now();
        this.rate.add(this.now(), bytes);
    }

    /** More is to be sent than was planned; a negative number is less. */
    moreToSend(bytes: number): void {
        this.ofBytes += bytes;
    }

    progress(): ImportProgress {
        const bytesPerSecond = this.rate.bytesPerSecond(this.now());
        const bytes = Math.min(this.bytes, this.ofBytes);
        return {
            images: this.images,
            ofImages: this.ofImages,
            bytes,
            ofBytes: this.ofBytes,
            bytesPerSecond,
            ...(bytesPerSecond > 0 && this.canEstimate()
                ? { secondsLeft: (this.ofBytes - bytes) / bytesPerSecond }
                : {}),
        };
    }

    private canEstimate(): boolean {
        const elapsed = this.firstAt === undefined ? 0 : this.now() - this.firstAt;
        return elapsed >= MIN_TIME && this.bytes >= MIN_PART * this.ofBytes;
    }
}
