import type { FoundRobot } from "../../lib/registries";
import type { RobotAccountInputs } from "./kind";

const DAY_MS = 24 * 3600 * 1000;
/** A robot account is replaced after this part of its maxAge: the rest is for those who are late. */
const SPENT = 2 / 3;
/** Days between the latest time at which anybody needs an account and its expiry. */
const EXPIRY_MARGIN = 7;

/** How long robot accounts of a role live, in days. */
export type Lifetimes = Pick<RobotAccountInputs, "maxAge" | "overlap">;

/** After how many days an account expires: it is valid for its overlap even if it is replaced only when `maxAge` is over. */
export function expiryDays({ maxAge, overlap = 0 }: Lifetimes): number {
    return maxAge + overlap + EXPIRY_MARGIN;
}

/** Days before its expiry by which an account must be replaced, whatever its age: it may have been made with fewer. */
function neededDays({ maxAge, overlap = 0 }: Lifetimes): number {
    return Math.max(maxAge * (1 - SPENT), overlap === 0 ? 0 : overlap + EXPIRY_MARGIN);
}

/**
 * Why a robot account should be replaced by a new one at `now`; undefined if it should not. The text is the same at each
 * look: no hours, no counts.
 */
export function rotationReason(
    { robot, differences, isAccepted }: FoundRobot,
    lifetimes: Lifetimes,
    now: Date,
): string | undefined {
    // A disabled account is rejected as well: only when it is enabled again, it shows whether the secret is the same.
    if (!isAccepted && differences.length === 0) return "the registry no longer accepts its secret";
    const left = robot.expiresAt === undefined ? Infinity : Date.parse(robot.expiresAt) - now.getTime();
    if (left < neededDays(lifetimes) * DAY_MS) return `it expires on ${robot.expiresAt?.slice(0, 10) ?? ""}`;
    const { maxAge } = lifetimes;
    const age = now.getTime() - Date.parse(robot.createdAt);
    return age > maxAge * SPENT * DAY_MS ? `two thirds of its ${maxAge} days are over` : undefined;
}
