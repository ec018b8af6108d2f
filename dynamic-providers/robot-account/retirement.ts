import { toProblem } from "../../lib/errors/errors";
import { formatGroups } from "../../lib/errors/format";
import type { Problem } from "../../lib/errors/problem";
import type { RobotAdmin } from "../../lib/registries";
import type { ResourceLog } from "../lifecycle/engine";
import { PartialState } from "../lifecycle/resource-provider";
import { validUntil } from "./generations";
import type { RetiredRobot, RobotAccountInputs, RobotAccountOutputs } from "./kind";

/** The retired accounts after a rotation: the one that was current until now is the last of them. */
export function retireCurrent(olds: RobotAccountOutputs, news: RobotAccountInputs): readonly RetiredRobot[] {
    const before = olds.retiredRobots ?? [];
    if (olds.gone === true) return before;
    const { name, robot } = olds;
    const retiredAt = news.retired?.at(-1)?.retiredAt ?? new Date().toISOString();
    const { expiresAt } = robot;
    return [...before, { name, robot, retiredAt, ...(expiresAt === undefined ? {} : { expiresAt }) }];
}

/** Retired accounts that the check no longer lists. The clock decides as well: nothing else proves them unused. */
export function endedAccounts(
    { retiredRobots = [] }: RobotAccountOutputs,
    { overlap = 0, retired = [] }: RobotAccountInputs,
): RetiredRobot[] {
    return retiredRobots.filter(
        (robot) =>
            !retired.some(({ retiredAt }) => retiredAt === robot.retiredAt) && validUntil(robot, overlap) <= new Date(),
    );
}

/** As state holds them: absent if there are none. */
export function retiredOutputs(robots: readonly RetiredRobot[] = []): Pick<RobotAccountOutputs, "retiredRobots"> {
    return robots.length === 0 ? {} : { retiredRobots: robots };
}

/**
 * Deletes retired accounts.
 * @param id of the resource
 * @throws PartialState that keeps those that could not be deleted
 */
export async function deleteRetired(
    robots: RobotAdmin,
    outs: RobotAccountOutputs,
    ended: readonly RetiredRobot[],
    id: string,
): Promise<RobotAccountOutputs> {
    const { namespace, retiredRobots = [], ...rest } = outs;
    const failed = new Map<RetiredRobot, Problem>();
    for (const retired of ended) {
        await robots.remove(retired.robot, { name: retired.name, namespace }).catch((error: unknown) => {
            failed.set(retired, toProblem(error));
        });
    }
    const left = retiredRobots.filter((robot) => !ended.includes(robot) || failed.has(robot));
    const state = { ...rest, namespace, ...retiredOutputs(left) };
    if (failed.size === 0) return state;
    const problems = [...failed].map(([{ robot }, problem]) => {
        return { name: robot.username, kind: "robot account", problem };
    });
    const reasons = formatGroups(problems).map((line) => `could not be deleted: ${line}`);
    throw new PartialState(id, state, reasons);
}

/** The retired accounts that the registry still has; logs the others. */
export async function readRetired(
    robots: RobotAdmin,
    { retiredRobots = [], namespace, overlap = 0 }: RobotAccountOutputs,
    log: ResourceLog,
): Promise<RetiredRobot[]> {
    const found: RetiredRobot[] = [];
    for (const retired of retiredRobots) {
        const { robot, name } = retired;
        if (await robots.exists(robot, { name, namespace })) found.push(retired);
        else {
            const day = validUntil(retired, overlap).toISOString().slice(0, 10);
            const text = `${robot.username}, retired and valid until ${day}, was deleted in the registry`;
            log.line("warning", `${text}: clusters that still have it in their pull secret cannot pull`);
        }
    }
    return found;
}
