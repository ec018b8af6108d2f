import type { FoundRobot } from "../../lib/registries";

const DAY_MS = 24 * 3600 * 1000;
/** A robot account is replaced after this part of its lifetime: the rest is for those who are late. */
const SPENT = 2 / 3;

/**
 * Why a robot account should be replaced by a new one at `now`; undefined if it should not. The text is the same at each
 * look: no hours, no counts.
 */
export function rotationReason(
    { robot, differences, isAccepted }: FoundRobot,
    maxAge: number,
    now: Date,
): string | undefined {
    // A disabled account is rejected as well: only when it is enabled again, it shows whether the secret is the same.
    if (!isAccepted && differences.length === 0) return "the registry no longer accepts its secret";
    const left = robot.expiresAt === undefined ? Infinity : Date.parse(robot.expiresAt) - now.getTime();
    if (left < maxAge * (1 - SPENT) * DAY_MS) return `it expires on ${robot.expiresAt?.slice(0, 10) ?? ""}`;
    const age = now.getTime() - Date.parse(robot.createdAt);
    return age > maxAge * SPENT * DAY_MS ? `two thirds of its ${maxAge} days are over` : undefined;
}
