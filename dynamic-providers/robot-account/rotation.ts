import { EXPIRY_MARGIN, type FoundRobot, type Robot, dueByAge, dueTime } from "../../lib/registries";
import type { RobotAccountInputs } from "./kind";

const DAY_MS = 24 * 3600 * 1000;

/** How long robot accounts of a role live, in days. */
export type Lifetimes = Pick<RobotAccountInputs, "maxAge" | "overlap">;

/** After how many days an account expires: it is valid for its overlap even if it is replaced only when `maxAge` is over. */
export function expiryDays({ maxAge, overlap = 0 }: Lifetimes): number {
    return maxAge + overlap + EXPIRY_MARGIN;
}

/** What is known of an account without its registry. */
export type Times = Pick<Robot, "createdAt" | "expiresAt"> & {
    /** When it got its present secret in place, RFC 3339; absent: it has the one that it was created with. */
    readonly renewedAt?: string | undefined;
};

/** Whole days, rounded up, after which the account got its present secret: registries count an expiry from the creation. */
export function renewalDay({ createdAt, renewedAt = createdAt }: Times): number {
    return Math.max(0, Math.ceil((Date.parse(renewedAt) - Date.parse(createdAt)) / DAY_MS));
}

/** Why a secret of this age is due at `now`, whenever its account expires; undefined if it is not. */
export function ageReason(times: Times, lifetimes: Pick<Lifetimes, "maxAge">, now: Date): string | undefined {
    const { at, reason } = dueByAge(times, lifetimes);
    return at < now.getTime() ? reason : undefined;
}

/** Why an account is rotated whose secret somebody has changed. */
export const REJECTED = "the registry no longer accepts its secret";

/**
 * Why a robot account should be rotated at `now`; undefined if it should not.
 * @param renewedAt as in `Times`
 */
export function rotationReason(
    { robot, isAccepted }: FoundRobot,
    { renewedAt, ...lifetimes }: Lifetimes & Pick<Times, "renewedAt">,
    now: Date,
): string | undefined {
    if (!isAccepted) return REJECTED;
    const { at, reason } = dueTime({ ...robot, renewedAt }, lifetimes);
    return at < now.getTime() ? reason : undefined;
}

/** How many days before its time a replacement is announced, but not for longer than a third of `maxAge`. */
const NOTICE = 7;

/** The announcement of a replacement that is due soon, with its day; undefined if none is, or it is due already. */
export function upcomingRotation(
    times: Times,
    { rotation, ...lifetimes }: Lifetimes & Pick<RobotAccountInputs, "rotation">,
    now: Date,
): string | undefined {
    const { at, reason } = dueTime(times, lifetimes);
    const left = at - now.getTime();
    if (left < 0 || left > Math.min(NOTICE, lifetimes.maxAge / 3) * DAY_MS) return undefined;
    const day = `${new Date(at).toISOString().slice(0, 10)} (${reason})`;
    return rotation === "in-place"
        ? `its secret is due for replacement on ${day}: the first \`npm run up\` after that gives it a new one, and the old one ends at once`
        : `it is due for replacement on ${day}: the first \`npm run up\` after that replaces it`;
}

/** For a preview without a refresh: since when the account is due; undefined if it is not. */
export function overdueRotation(
    times: Times,
    { rotation, ...lifetimes }: Lifetimes & Pick<RobotAccountInputs, "rotation">,
    now: Date,
): string | undefined {
    const { at, reason } = dueTime(times, lifetimes);
    if (at >= now.getTime()) return undefined;
    const since = `due for replacement since ${new Date(at).toISOString().slice(0, 10)} (${reason})`;
    return rotation === "in-place"
        ? `its secret has been ${since}: \`npm run up\`, which looks at the registry first, gives it a new one, and the old one ends at once`
        : `it has been ${since}: \`npm run up\`, which looks at the registry first, replaces it`;
}

/** True if an account that should have been replaced expires within a week, or has expired. */
export function expiresSoon({ expiresAt }: Times, now: Date): boolean {
    return expiresAt !== undefined && Date.parse(expiresAt) - now.getTime() < NOTICE * DAY_MS;
}
