import { MAX_NAMES } from "../../errors/format";
import type { ImportPlan } from "./plan";
import { type PlannedState, plannedImages } from "./planned-image";
import { problemLines } from "../image-problem";
import { counted, formatBytes } from "../../errors/text";

/**
 * "6 images: 1 present, 5 to push, 0 tag only, 0 blocked; 87.7 kB (87714 bytes) to send: 9 blobs to upload, 2 to mount".
 */
export function planSummary(plan: ImportPlan): string {
    const images = plannedImages(plan);
    const count = (wanted: PlannedState) => images.filter(({ state }) => state === wanted).length;
    return (
        `${counted(images.length, "image")}: ${count("present")} present, ${count("push")} to push, ` +
        `${count("tag-only")} tag only, ${count("blocked")} blocked; ` +
        `${exactBytes(plan.bytes)} to send: ${counted(plan.uploads, "blob")} to upload, ${plan.mounts} to mount`
    );
}

/** The blocked images, one line for each cause. */
export function blockedLines({ problems }: ImportPlan): string[] {
    return problemLines(problems, MAX_NAMES).map((line) => `! ${line}`);
}

/** True if carrying the plan out would change nothing, and nothing of it is in the way. */
export function isNothingToDo({ push, problems }: ImportPlan): boolean {
    return push.length + problems.length === 0;
}

/** A plan is compared with what was sent to the byte; kB are for the eye. */
function exactBytes(bytes: number): string {
    return bytes < 1000 ? formatBytes(bytes) : `${formatBytes(bytes)} (${bytes} bytes)`;
}
