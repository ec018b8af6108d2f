const DAY_MS = 24 * 3600 * 1000;
/** A robot account is replaced after this part of its maxAge: the rest is for those who are late. */
const SPENT = 2 / 3;
/** Days between the latest time at which anybody needs an account and its expiry. */
export const EXPIRY_MARGIN = 7;

/** How long robot accounts of a role live, in days. */
export interface RobotLifetimes {
    readonly maxAge: number;
    /** For which an account that was replaced stays valid. */
    readonly overlap?: number | undefined;
}

/** What is known of an account without its registry; RFC 3339. */
export interface RobotTimes {
    readonly createdAt: string;
    readonly expiresAt?: string | undefined;
    /** When it got its present secret in place; absent: it has the one that it was created with. */
    readonly renewedAt?: string | undefined;
}

/** When an account is to be replaced, and why. */
export interface RobotDue {
    /** Milliseconds since the epoch. */
    readonly at: number;
    /** The same text at each look: no hours, no counts. */
    readonly reason: string;
}

/** Days before its expiry by which an account must be replaced, whatever its age: it may have been made with fewer. */
function neededDays({ maxAge, overlap = 0 }: RobotLifetimes): number {
    return Math.max(maxAge * (1 - SPENT), overlap === 0 ? 0 : overlap + EXPIRY_MARGIN);
}

/** When an account is due by its age or its expiry, and for which of them. */
export function dueTime({ expiresAt, ...times }: RobotTimes, lifetimes: RobotLifetimes): RobotDue {
    const byAge = dueByAge(times, lifetimes);
    const byExpiry = expiresAt === undefined ? Infinity : Date.parse(expiresAt) - neededDays(lifetimes) * DAY_MS;
    if (byExpiry < byAge.at) return { at: byExpiry, reason: `it expires on ${expiresAt?.slice(0, 10) ?? ""}` };
    return byAge;
}

/** When a secret is due by its age alone, whenever its account expires. */
export function dueByAge(
    { createdAt, renewedAt = createdAt }: RobotTimes,
    { maxAge }: Pick<RobotLifetimes, "maxAge">,
): RobotDue {
    const at = Date.parse(renewedAt) + maxAge * SPENT * DAY_MS;
    return { at, reason: `two thirds of its ${maxAge} days are over` };
}

/** An account that was replaced; RFC 3339. */
export interface RetirementTimes {
    readonly retiredAt: string;
    /** When the registry disables it by itself; absent if it does not. */
    readonly expiresAt?: string | undefined;
}

/** When a retired account ends: `overlap` days after it was replaced, or when it expires, if that is earlier. */
export function validUntil({ retiredAt, expiresAt }: RetirementTimes, overlap: number): Date {
    const end = Date.parse(retiredAt) + overlap * DAY_MS;
    return new Date(expiresAt === undefined ? end : Math.min(end, Date.parse(expiresAt)));
}
