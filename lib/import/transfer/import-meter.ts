import { TransferRate } from "./transfer-rate";

/** How far an import is. Nothing in it ever goes back: a repeated transfer counts only what it adds. */
export interface ImportProgress {
    readonly images: number;
    readonly ofImages: number;
    readonly bytes: number;
    /** Grows when a registry refuses a mount: those bytes are sent beyond the plan. */
    readonly ofBytes: number;
    /** Of the last seconds. */
    readonly bytesPerSecond: number;
    /** Absent while nothing moves. */
    readonly secondsLeft?: number;
}

/** Counts what an import has done. */
export class ImportMeter {
    private bytes = 0;
    private readonly rate: TransferRate;

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
        this.rate.add(this.now(), bytes);
    }

    /** More is to be sent than was planned. */
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
            ...(bytesPerSecond > 0 ? { secondsLeft: (this.ofBytes - bytes) / bytesPerSecond } : {}),
        };
    }
}
