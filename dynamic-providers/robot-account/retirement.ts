import { type RobotAdmin, validUntil } from "../../lib/registries";
import type { ResourceLog } from "../lifecycle/engine";
import type { RetiredAccount, RetiredRobot, RobotAccountInputs, RobotAccountOutputs } from "./kind";

/** The retired accounts after a rotation: the one that was current until now is the last of them. */
export function retireCurrent(olds: RobotAccountOutputs, news: RobotAccountInputs): readonly RetiredRobot[] {
    const before = olds.retiredRobots ?? [];
    if (olds.gone === true) return before;
    const { name, robot } = olds;
    const retiredAt = news.retired?.at(-1)?.retiredAt ?? new Date().toISOString();
    const { expiresAt } = robot;
    return [...before, { name, robot, retiredAt, ...(expiresAt === undefined ? {} : { expiresAt }) }];
}

/** Retired accounts that may be deleted already: by a `RobotRetirement`, by the overlap that counted until now, or by somebody. */
export function endedAccounts({ retiredRobots = [], overlap = 0 }: RobotAccountOutputs): readonly RetiredRobot[] {
    return retiredRobots.filter((retired) => retired.gone === true || validUntil(retired, overlap) <= new Date());
}

/** The state without those of the ended accounts that the registry does not have any more. */
export async function withoutDeleted(
    robots: RobotAdmin,
    olds: RobotAccountOutputs,
    ended: readonly RetiredRobot[],
): Promise<RobotAccountOutputs> {
    const { namespace, retiredRobots = [], ...rest } = olds;
    const left: RetiredRobot[] = [];
    for (const retired of retiredRobots) {
        if (!ended.includes(retired) || (await removeRemains(robots, { ...retired, namespace }))) left.push(retired);
    }
    return { ...rest, namespace, ...retiredOutputs(left) };
}

/**
 * Removes what is left of an account that nobody can log in with any more (Artifactory: the group of a revoked token).
 * @returns false if the account does not exist any more
 */
export async function removeRemains(
    robots: RobotAdmin,
    { robot, name, namespace }: Pick<RobotAccountOutputs, "robot" | "name" | "namespace">,
): Promise<boolean> {
    if (await robots.exists(robot, { name, namespace })) return true;
    await robots.remove(robot, { name, namespace });
    return false;
}

/** As state holds them: absent if there are none. */
export function retiredOutputs(robots: readonly RetiredRobot[] = []): Pick<RobotAccountOutputs, "retiredRobots"> {
    return robots.length === 0 ? {} : { retiredRobots: robots };
}

/** As state holds them, with the inputs of those alone that are in the outputs. */
export function retiredState(
    { retired }: Pick<RobotAccountInputs, "retired">,
    robots: readonly RetiredRobot[] | undefined,
): Pick<RobotAccountOutputs, "retired" | "retiredRobots"> {
    return { retired: knownAccounts(retired, robots), ...retiredOutputs(robots) };
}

/** Those of the accounts that are among the robots; undefined if there are none. */
export function knownAccounts(
    accounts: readonly RetiredAccount[] = [],
    robots: readonly RetiredRobot[] = [],
): readonly RetiredAccount[] | undefined {
    const known = accounts.filter(({ retiredAt }) => robots.some((robot) => robot.retiredAt === retiredAt));
    return known.length === 0 ? undefined : known;
}

/** The retired accounts after a refresh: one that somebody deleted within its overlap is logged, and marked for an update. */
export async function readRetired(
    robots: RobotAdmin,
    { retiredRobots = [], namespace, overlap = 0 }: RobotAccountOutputs,
    log: ResourceLog,
): Promise<RetiredRobot[]> {
    const found: RetiredRobot[] = [];
    for (const retired of retiredRobots) {
        const { robot, name } = retired;
        const until = validUntil(retired, overlap);
        // After its overlap it is a `RobotRetirement` that deletes it.
        const isAsked = retired.gone !== true && until > new Date();
        const isDeleted = isAsked && !(await robots.exists(robot, { name, namespace }));
        found.push(isDeleted ? { ...retired, gone: true } : retired);
        if (!isDeleted) continue;
        const day = until.toISOString().slice(0, 10);
        const text = `${robot.username}, retired and valid until ${day}, was deleted in the registry`;
        const left = "the next `npm run up` removes what is left of it";
        log.line("warning", `${text}: clusters that still have it in their pull secret cannot pull; ${left}`);
    }
    return found;
}
