import type { ImportProgress } from "./import-meter";

/** "12 of 40 images, 1.20 GB of 1.80 GB, 310 MB/s, 2 s left". */
export function progressText(progress: ImportProgress): string {
    const { images, ofImages, bytes, ofBytes, bytesPerSecond, secondsLeft } = progress;
    const speed = bytesPerSecond > 0 ? `, ${formatBytes(bytesPerSecond)}/s` : "";
    const left = secondsLeft === undefined || bytes === ofBytes ? "" : `, ${formatSeconds(secondsLeft)} left`;
    return `${images} of ${counted(ofImages, "image")}, ${formatBytes(bytes)} of ${formatBytes(ofBytes)}${speed}${left}`;
}

/** "1 image", "2 images". */
export function counted(count: number, noun: string): string {
    return `${count} ${noun}${count === 1 ? "" : "s"}`;
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
