import { validUntil } from "../../lib/registries";
import { validityLine } from "../robot-account/generations";
import type { RetiredRobot } from "../robot-account/kind";
import { hasUnknown } from "../lifecycle/unknown-value";
import type { RobotRetirementInputs } from "./kind";

/** The inputs of before; empty for a new resource. */
type FormerInputs = Partial<RobotRetirementInputs>;

/** What the account is used for, by whom, and for how long. */
type Facts = Pick<RobotRetirementInputs, "retired" | "users" | "current" | "overlap" | "byHand">;

/** In a preview that changes the account its outputs are not known: those of the last `up` count there. */
function factsOf(olds: FormerInputs, news: RobotRetirementInputs): Facts {
    const { retired, users, current, overlap, byHand } = news;
    const facts = { retired, users, current, overlap, byHand };
    if (!hasUnknown(facts)) return facts;
    const { retired: before = [], users: usersBefore = [], current: currentBefore = "" } = olds;
    const days = hasUnknown(overlap) ? (olds.overlap ?? 0) : overlap;
    return { retired: before, users: usersBefore, current: currentBefore, overlap: days, byHand };
}

/**
 * By short name of an earlier generation, when every user was first found with its successor: those of before, and now for
 * the others if every user has the current generation.
 */
export function knownProofs(olds: FormerInputs, news: RobotRetirementInputs, now: Date): Record<string, string> {
    const { retired, users, current } = factsOf(olds, news);
    const isProven = users.every(({ username }) => username === current);
    const before = new Map(Object.entries(olds.provenAt ?? {}));
    return Object.fromEntries(
        retired.flatMap(({ name }) => {
            const at = before.get(name) ?? (isProven ? now.toISOString() : undefined);
            return at === undefined ? [] : [[name, at] as const];
        }),
    );
}

/** The short names of earlier generations that are deleted: those of before, and those whose overlap is over. */
export function endedNames(olds: FormerInputs, news: RobotRetirementInputs, now: Date): string[] {
    const facts = factsOf(olds, news);
    return facts.retired
        .filter((robot) => {
            if (olds.ended?.includes(robot.name) === true) return true;
            const until = endOf(robot, olds, news, now);
            return until !== undefined && until <= now && usersOf(robot, facts).length === 0;
        })
        .map(({ name }) => name);
}

/**
 * Until when an earlier generation stays valid; undefined as long as that is open. Where everything that pulls is a user it is
 * enough that all are proven. What somebody changes by hand has its overlap after the `up` that proves them: an `up` that fails
 * gives no outputs.
 */
function endOf(robot: RetiredRobot, olds: FormerInputs, news: RobotRetirementInputs, now: Date): Date | undefined {
    const { overlap, byHand } = factsOf(olds, news);
    const proofs = byHand === true ? (olds.provenAt ?? {}) : knownProofs(olds, news, now);
    const provenAt = new Map(Object.entries(proofs)).get(robot.name);
    if (provenAt === undefined) return undefined;
    return validUntil({ ...robot, retiredAt: byHand === true ? provenAt : robot.retiredAt }, overlap);
}

/** Names of the resources whose state still has the account. */
function usersOf({ robot }: RetiredRobot, { users }: Facts): string[] {
    return users.filter(({ username }) => username === robot.username).map(({ resource }) => resource);
}

interface Line {
    readonly severity: "info" | "warning";
    readonly text: string;
}

/** For a preview: which earlier generations stay valid until when, which are deleted, and which stay for whom. */
export function retirementLines(olds: FormerInputs, news: RobotRetirementInputs, now: Date): Line[] {
    return factsOf(olds, news)
        .retired.filter(({ name }) => olds.ended?.includes(name) !== true)
        .map((robot) => lineOf(robot, olds, news, now));
}

function lineOf(robot: RetiredRobot, olds: FormerInputs, news: RobotRetirementInputs, now: Date): Line {
    const facts = factsOf(olds, news);
    const { name } = robot;
    const end = endOf(robot, olds, news, now);
    const isOver = end !== undefined && end <= now;
    const users = usersOf(robot, facts);
    if (users.length > 0) {
        return { severity: "warning", text: `${name} stays: still used by ${users.join(", ")}` };
    }
    if (isOver) {
        const why = `its overlap ended on ${day(end)}, and no resource of the stack has it any more`;
        return { severity: "info", text: `deletes account ${robot.robot.username}: ${why}` };
    }
    const until = end ?? validUntil({ ...robot, retiredAt: now.toISOString() }, facts.overlap);
    return { severity: "info", text: validityLine(name, until, facts.overlap) };
}

function day(time: Date): string {
    return time.toISOString().slice(0, 10);
}
