import type { RegistryContext } from "../registry/registry-process";
import type { RobotAccountOutputs } from "./kind";
import { expiresSoon, upcomingRotation } from "./rotation";

/** For a refresh: logs that the account is due for replacement, or will be soon: as a warning where somebody has to act in time. */
export function announce(
    { selfUrn, robot, due, ...account }: RobotAccountOutputs,
    context: RegistryContext,
    now: Date,
) {
    const { renewedAt } = account;
    const rotation = context.process.settings.rotatesInPlace(account) ? "in-place" : undefined;
    const upcoming =
        due === undefined ? upcomingRotation({ ...robot, renewedAt }, { ...account, rotation }, now) : undefined;
    if (upcoming !== undefined) {
        context.process.announcedRotations.add(selfUrn);
        context.log.line("warning", `${robot.username}: ${upcoming}`);
    }
    if (due === undefined) return;
    const day = robot.expiresAt?.slice(0, 10) ?? "";
    const isUrgent = expiresSoon(robot, now);
    const reason = isUrgent && !due.includes(day) ? `${due}, and it expires on ${day}` : due;
    context.log.line(
        isUrgent ? "warning" : "info",
        `${robot.username}: ${reason}; the next \`npm run up\` ${rotation === "in-place" ? "gives it a new secret" : "replaces it"}`,
    );
}
