import { isDeepStrictEqual } from "node:util";
import { PassthroughError } from "../../lib/errors/errors";
import { type DesiredRobot, type RobotAdmin, registryAdmin } from "../../lib/registries";
import type { ResourceLog } from "../lifecycle/engine";
import { robotDescription } from "./description";
import type { RobotAccountInputs, RobotAccountOutputs } from "./kind";
import { expiryDays, renewalDay } from "./rotation";

/** More names in a row that belong to other stacks are a mistake. */
const MAX_TAKEN = 100;

/**
 * What the registry should have of the account.
 * @param renewed `renewalDay` of an account that got its secret in place
 */
function desiredState(inputs: RobotAccountInputs, generation: number, renewed = 0): DesiredRobot {
    const { role, namespace, stack, owner, maxAge, removes } = inputs;
    return {
        name: `${role}-${generation}`,
        namespace,
        right: role === "importer" ? "push" : "pull",
        ...(removes === undefined ? {} : { removes }),
        description: robotDescription(stack, role, owner),
        ...(registryAdmin(inputs.registry.type).capabilities.robotExpiry
            ? { days: renewed + expiryDays(inputs), leastDays: renewed + maxAge }
            : {}),
    };
}

/** What the registry should have of the account in state, by these inputs. */
export function desiredOfState({ generation, robot, renewedAt }: RobotAccountOutputs, inputs: RobotAccountInputs) {
    return desiredState(inputs, generation, renewalDay({ ...robot, renewedAt }));
}

/**
 * What a refresh compares the account with. Its end is the one that this stack gave it, under an overlap that may have been
 * longer, unless a refresh has found the account changed.
 */
export function asLeft(olds: RobotAccountOutputs): DesiredRobot {
    const { differences, robot } = olds;
    const isKnown = differences.length === 0 && robot.expiresAt !== undefined;
    return { ...desiredOfState(olds, olds), ...(isKnown ? { until: robot.expiresAt } : {}) };
}

type CreatedAccount = Pick<RobotAccountOutputs, "generation" | "name" | "robot" | "login" | "differences">;

/** The first generation after the current one whose name no other stack has, for the preview. */
export async function nextFreeGeneration(robots: RobotAdmin, olds: RobotAccountOutputs): Promise<number> {
    const first = olds.generation + 1;
    for (let generation = first; generation < first + MAX_TAKEN; generation++) {
        if (!(await robots.isTaken(desiredState(olds, generation)))) return generation;
    }
    return first;
}

/** A new robot account under the first name from the checked generation on that no other stack has. */
export async function createAccount(
    robots: RobotAdmin,
    inputs: RobotAccountInputs,
    log: ResourceLog,
): Promise<CreatedAccount> {
    const first = inputs.generation ?? 1;
    for (let generation = first; generation < first + MAX_TAKEN; generation++) {
        const desired = desiredState(inputs, generation);
        const created = await robots.create(desired);
        if (created === undefined) {
            log.line("info", `the robot account ${desired.name} belongs to another stack; the next number is tried`);
            continue;
        }
        return { generation, name: desired.name, robot: created.robot, login: created.credentials, differences: [] };
    }
    const [from, to] = [first, first + MAX_TAKEN - 1].map((generation) => `${inputs.role}-${generation}`);
    throw new PassthroughError("they all belong to other stacks", {
        code: "ROBOT_NAMES_TAKEN",
        thing: `robot accounts ${from ?? ""} to ${to ?? ""} in ${inputs.namespace}`,
        fix: "remove robot accounts that are no longer used",
    });
}

/** True if an update that keeps the generation has nothing to do at the registry. */
export function isAsDesired(olds: RobotAccountOutputs, news: RobotAccountInputs): boolean {
    const { generation, differences } = olds;
    if (news.rotation === "in-place" && olds.maxAge !== news.maxAge) return false;
    return differences.length === 0 && isDeepStrictEqual(comparable(olds, generation), comparable(news, generation));
}

/** Without lifetimes: a refresh finds out whether the account's is long enough, and another generation has its own. */
function comparable(inputs: RobotAccountInputs, generation: number): DesiredRobot {
    const { days: _days, leastDays: _least, ...desired } = desiredState(inputs, generation);
    return desired;
}
