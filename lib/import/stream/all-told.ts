import type { ImportPlan } from "../plan/plan";
import type { ImportResult } from "../transfer/import-recorder";

/**
 * What waits for something that never comes must not look like success.
 * @throws Error if an image of the plan is neither done, nor failed, nor left to another run
 */
export function requireAllTold(
    { present, push, problems }: ImportPlan,
    { done, failed, left: others }: ImportResult,
): void {
    const told = new Set([...Object.keys(done), ...failed.map(({ source }) => source), ...others]);
    const pushed = push.filter(({ isPart }) => isPart !== true).map(({ task }) => task);
    const left = [...present, ...pushed, ...problems].map(({ source }) => source).filter((source) => !told.has(source));
    if (left.length > 0) throw new Error(`the import ended without a result for ${left.join(", ")}`);
}
