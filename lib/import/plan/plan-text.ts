import type { ImportPlan } from "./plan";
import { type PlannedState, plannedImages } from "./planned-image";
import { problemLines } from "../problem-text";
import { counted, formatBytes } from "../transfer/progress-text";

/** More than this many names scroll away what matters. */
const MAX_NAMES = 50;

/**
 * "6 images: 1 present, 5 to push, 0 tag only, 0 blocked; 87.7 kB (87714 bytes) to send: 9 blobs to upload, 2 to mount".
 */
export function planSummary(plan: ImportPlan): string {
    const images = plannedImages(plan);
    const count = (wanted: PlannedState) => images.filter(({ state }) => state === wanted).length;
    return (
        `${counted(images.length, "image")}: ${count("present")} present, ${count("push")} to push, ` +
        `${count("tag-only")} tag only, ${count("cannot")} blocked; ` +
        `${exactBytes(plan.bytes)} to send: ${counted(plan.uploads, "blob")} to upload, ${plan.mounts} to mount`
    );
}

/** The blocked images, by name and why, one line each. */
export function cannotLines({ problems }: ImportPlan): string[] {
    return problemLines(problems, MAX_NAMES).map((line) => `! ${line}`);
}

/** True if carrying the plan out would change nothing, and nothing of it is in the way. */
export function isNothingToDo({ push, problems }: ImportPlan): boolean {
    return push.length + problems.length === 0;
}

/** A plan is held against what was sent to the byte; kB are for the eye. */
function exactBytes(bytes: number): string {
    return bytes < 1000 ? formatBytes(bytes) : `${formatBytes(bytes)} (${bytes} bytes)`;
}
