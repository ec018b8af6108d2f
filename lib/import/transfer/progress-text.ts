import { counted, formatBytes } from "../../errors/text";
import type { ImportProgress } from "./import-meter";

/** "12 of 40 images, 1.20 GB of 1.80 GB, 310 MB/s, 2 s left". */
export function progressText(progress: ImportProgress): string {
    const { images, ofImages, bytes, ofBytes, bytesPerSecond, secondsLeft } = progress;
    const speed = bytesPerSecond > 0 ? `, ${formatBytes(bytesPerSecond)}/s` : "";
    const left = secondsLeft === undefined || bytes === ofBytes ? "" : `, ${formatSeconds(secondsLeft)} left`;
    return `${images} of ${counted(ofImages, "image")}, ${formatBytes(bytes)} of ${formatBytes(ofBytes)}${speed}${left}`;
}

function formatSeconds(seconds: number): string {
    if (seconds < 90) return `${Math.ceil(seconds)} s`;
    if (seconds < 5400) return `${Math.ceil(seconds / 60)} min`;
    return `${(seconds / 3600).toFixed(1)} h`;
}
