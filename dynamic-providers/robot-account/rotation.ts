import type { FoundRobot } from "../../lib/registries";

const DAY_MS = 24 * 3600 * 1000;
/** A robot account is replaced when this part of its time is over: the rest is for those who come late. */
const SPENT = 2 / 3;

/** Why a robot account should be replaced by a new one at `now`, without times that differ from one look to the next. */
export function rotationReason(
    { robot, differences, isAccepted }: FoundRobot,
    maxAge: number,
    now: Date,
): string | undefined {
    // What is disabled may well be put right; only then it shows whether the secret is still the same.
    if (!isAccepted && differences.length === 0) return "the registry does not take its secret any more";
    const left = robot.expiresAt === undefined ? Infinity : Date.parse(robot.expiresAt) - now.getTime();
    if (left < maxAge * (1 - SPENT) * DAY_MS) return `it ends on ${robot.expiresAt?.slice(0, 10) ?? ""}`;
    const age = now.getTime() - Date.parse(robot.createdAt);
    return age > maxAge * SPENT * DAY_MS ? `two thirds of its ${maxAge} days are over` : undefined;
}
