import { counted, formatBytes } from "../../errors/text";
import type { ImportProgress } from "./import-meter";

/**
 * "67%, 2 s left, 1.20 GB of 1.80 GB, 310 MB/s, 12 of 40 images": a terminal cuts the row, so what matters most is first.
 */
export function progressText(progress: ImportProgress): string {
    const { images, ofImages, bytes, ofBytes, bytesPerSecond, secondsLeft } = progress;
    const isSent = bytes === ofBytes;
    return [
        ...(ofBytes === 0 ? [] : [`${Math.floor((100 * bytes) / ofBytes)}%`]),
        ...(secondsLeft === undefined || isSent ? [] : [`${formatSeconds(secondsLeft)} left`]),
        `${formatBytes(bytes)} of ${formatBytes(ofBytes)}`,
        ...(bytesPerSecond > 0 ? [`${formatBytes(bytesPerSecond)}/s`] : []),
        `${images} of ${counted(ofImages, "image")}`,
    ].join(", ");
}

function formatSeconds(seconds: number): string {
    if (seconds < 90) return `${Math.ceil(seconds)} s`;
    if (seconds < 5400) return `${Math.ceil(seconds / 60)} min`;
    return `${(seconds / 3600).toFixed(1)} h`;
}
