import type { ImportProgress } from "../lib/import";
import type { ResourceLog } from "./engine";

/** A terminal shows each line in place of the one before; elsewhere every line stays, so there are few. */
const STATUS_EVERY_MS = 500;
const LINE_EVERY_MS = 10_000;

/** Tells how far an import is, on its resource's own row. */
export function progressReporter(log: ResourceLog, now: () => number = Date.now): (progress: ImportProgress) => void {
    const began = now();
    // Told by whoever started the CLI: the provider's own output is never a terminal.
    const isPlain = process.env.REGISTRY_PASSTHROUGH_PROGRESS === "lines";
    let lastStatus = 0;
    let lastLine = began;
    return (progress) => {
        const at = now();
        const text = progressText(progress, (at - began) / 1000);
        if (at - lastStatus >= STATUS_EVERY_MS) {
            lastStatus = at;
            log.status(text);
        }
        if (isPlain && at - lastLine >= LINE_EVERY_MS) {
            lastLine = at;
            log.line("info", text);
        }
    };
}

/** "12 of 40 images, 1.2 of 1.8 GB, 310 MB/s, 2 s left". */
export function progressText(progress: ImportProgress, seconds: number): string {
    const { images, ofImages, bytes, ofBytes } = progress;
    const rate = seconds > 0 ? bytes / seconds : 0;
    const left = rate > 0 ? `, ${formatSeconds((ofBytes - bytes) / rate)} left` : "";
    const speed = rate > 0 ? `, ${formatBytes(rate)}/s` : "";
    return `${images} of ${ofImages} images, ${formatBytes(bytes)} of ${formatBytes(ofBytes)}${speed}${left}`;
}

function formatSeconds(seconds: number): string {
    if (seconds < 90) return `${Math.ceil(seconds)} s`;
    if (seconds < 5400) return `${Math.ceil(seconds / 60)} min`;
    return `${(seconds / 3600).toFixed(1)} h`;
}

/** Decimal units, as disks and networks are sold: 1 kB = 1000 bytes. */
export function formatBytes(bytes: number): string {
    const units = ["B", "kB", "MB", "GB", "TB"];
    let value = bytes;
    let unit = 0;
    // What three digits would round up to 1000 belongs to the next unit.
    while (value >= 999.5 && unit < units.length - 1) {
        value /= 1000;
        unit++;
    }
    return `${unit === 0 ? value.toFixed(0) : value.toPrecision(3)} ${units[unit] ?? "B"}`;
}
