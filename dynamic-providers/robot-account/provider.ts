import type { RegistryManagement, Robot, RobotAdmin } from "../../lib/registries";
import { changedInputs, comparedInputs, storedInputs } from "../lifecycle/resource-kind";
import { hasMoved, replacedRegistry, withManagement } from "../registry/connection";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import { createAccount, desiredState, isAsDesired, nextFreeGeneration } from "./account";
import {
    generationLines,
    isReplaced,
    keptTexts,
    keptTimes,
    nextGeneration,
    remainingAccounts,
    upcomingLine,
    withoutTimes,
} from "./generations";
import { type RetiredRobot, type RobotAccountInputs, type RobotAccountOutputs, robotAccountKind as kind } from "./kind";
import { deleteRetired, endedAccounts, readRetired, retireCurrent, retiredOutputs } from "./retirement";
import { proveSuccessor } from "./proof";
import { expiresSoon, rotationReason, upcomingRotation } from "./rotation";

/** `generation` is compared by what follows from it; what an account is proven with changes with the content. */
const COMPARED = comparedInputs(kind, ["generation", "samples"]);

/**
 * A robot account of the registry, proven when it is created, and replaced by a new generation before it expires.
 * Without `overlap` that is a replacement by the engine: the new account first, then its users, then the old one is
 * deleted. With `overlap` it is an update: the engine would delete the old account in the same `up`, although clusters
 * have it in their pull secrets, so it stays in state as retired and a later `up` deletes it.
 */
export const robotAccountProvider: RegistryProvider<RobotAccountInputs, RobotAccountOutputs> = {
    ...kind,

    normalizeInputs: (olds, news, { process }) => {
        const generation = nextGeneration(olds, news, process.generations);
        const retired = remainingAccounts(olds, news, generation, new Date());
        return {
            ...news,
            generation,
            ...(retired.length === 0 ? {} : { retired }),
            ...keptTimes(olds, generation),
        };
    },

    describeChanges: async (olds, news, { log, process }) => {
        for (const line of generationLines(olds, news)) log.line("info", line);
        const upcoming = upcomingLine(olds, news);
        if (upcoming !== undefined && !process.announcedRotations.has(news.selfUrn)) log.line("warning", upcoming);
    },

    compare: (olds, news) => {
        const isRotated = isReplaced(olds, news);
        const replaces = [
            ...replacedRegistry(olds, news),
            ...(isRotated && news.overlap === undefined ? ["generation"] : []),
        ];
        const isDue = olds.differences.length > 0 || olds.due !== undefined;
        const isChanged = changedInputs(olds, news, COMPARED).length > 0 || endedAccounts(olds, news).length > 0;
        return {
            changes: isChanged || isDue || isRotated || replaces.length > 0,
            ...(replaces.length > 0 ? { replaces } : {}),
        };
    },

    create: async (inputs, context) => {
        const created = await withManagement(inputs, context, async (management) => {
            const account = await createAccount(management.robots, inputs, context.log);
            if (isSuccessor(inputs)) await proveSuccessor(inputs, account.login, management, context);
            return account;
        });
        const { createdRobots } = context.process;
        const { mirrorBase } = inputs.registry;
        createdRobots.set(mirrorBase, [...(createdRobots.get(mirrorBase) ?? []), created.robot.username]);
        return { id: resourceId(inputs, created.name), outs: { ...inputs, ...created } };
    },

    update: async (olds, checked, context) => {
        const news = withoutTimes(checked);
        const isRotated = isReplaced(olds, news);
        const ended = endedAccounts(olds, news);
        if (!isRotated && ended.length === 0 && isAsDesired(olds, news)) return keptState(olds, news, olds.robot);
        return withManagement(news, context, async (management) => {
            const { robots } = management;
            const outs = isRotated ? await rotate(management, olds, news, context) : await repair(robots, olds, news);
            return deleteRetired(robots, outs, ended, resourceId(outs, outs.name));
        });
    },

    read: async (olds, context) => {
        const { log } = context;
        if (hasMoved(olds, context)) return { outs: olds, inputs: storedInputs<RobotAccountInputs>(kind, olds) };
        return withManagement(olds, context, async ({ robots }) => {
            const retired = await readRetired(robots, olds, log);
            const found = await robots.read(olds.robot, desiredState(olds, olds.generation), olds.login);
            if (found === undefined) {
                const { username } = olds.robot;
                log.line(
                    "warning",
                    `${username} was deleted in the registry; the next \`npm run up\` creates a new one`,
                );
                return refreshedState(olds, await deletedAccount(robots, olds), retired);
            }
            const { robot, differences } = found;
            if (olds.role === "puller") context.process.pullers.set(olds.registry.mirrorBase, olds.login);
            for (const difference of differences) log.line("warning", `${robot.username}: ${difference}`);
            const now = new Date();
            const due = rotationReason(found, olds, now);
            announce({ ...olds, robot, due }, context, now);
            const next = due === undefined ? undefined : await nextFreeGeneration(robots, olds);
            return refreshedState(olds, { robot, differences, due, nextGeneration: next, gone: undefined }, retired);
        });
    },

    remove: async (olds, context) => {
        if (olds.overlap !== undefined && hasMoved(olds, context)) {
            const names = [...(olds.retiredRobots ?? []), olds].map(({ robot }) => robot.username).join(", ");
            const why = "clusters may still pull from there; delete it when none does";
            context.log.line("warning", `${names} at ${olds.registry.mirrorBase} is not deleted: ${why}`);
            return;
        }
        const { namespace } = olds;
        await withManagement(olds, context, async ({ robots }) => {
            for (const { robot, name } of [...(olds.retiredRobots ?? []), olds]) {
                await robots.remove(robot, { name, namespace });
            }
        });
    },
};

/** Logs that the account is due for replacement, or will be soon: as a warning where somebody has to act in time. */
function announce({ selfUrn, robot, due, ...lifetimes }: RobotAccountOutputs, context: RegistryContext, now: Date) {
    const upcoming = due === undefined ? upcomingRotation(robot, lifetimes, now) : undefined;
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
        `${robot.username}: ${reason}; the next \`npm run up\` replaces it`,
    );
}

function resourceId(inputs: RobotAccountInputs, name: string): string {
    return `${inputs.registry.mirrorBase}#${name}`;
}

/** True for an account that takes the place of another one; the first is proven by the import and the validation. */
function isSuccessor({ generation = 1 }: RobotAccountInputs): boolean {
    return generation > 1;
}

async function rotate(
    management: RegistryManagement,
    olds: RobotAccountOutputs,
    news: RobotAccountInputs,
    context: RegistryContext,
): Promise<RobotAccountOutputs> {
    const generation = Math.max(news.generation ?? 1, olds.generation + 1);
    const created = await createAccount(management.robots, { ...news, generation }, context.log);
    await proveSuccessor(news, created.login, management, context);
    const isLeft = await removeRemains(management.robots, olds);
    return { ...news, ...created, ...retiredOutputs(isLeft ? retireCurrent(olds, news) : olds.retiredRobots) };
}

/**
 * Removes what is left of an account that nobody can log in with any more (Artifactory: the group of a revoked token): no
 * refresh would find it as a retired account.
 * @returns false if the account does not exist any more
 */
async function removeRemains(robots: RobotAdmin, { robot, name, namespace }: RobotAccountOutputs): Promise<boolean> {
    if (await robots.exists(robot, { name, namespace })) return true;
    await robots.remove(robot, { name, namespace });
    return false;
}

async function repair(
    robots: RobotAdmin,
    olds: RobotAccountOutputs,
    news: RobotAccountInputs,
): Promise<RobotAccountOutputs> {
    const robot = isAsDesired(olds, news)
        ? olds.robot
        : await robots.update(olds.robot, desiredState(news, olds.generation));
    return keptState(olds, news, robot);
}

/** The state after an update that keeps the generation. */
function keptState(olds: RobotAccountOutputs, news: RobotAccountInputs, robot: Robot): RobotAccountOutputs {
    const { generation, name, login } = olds;
    const { rotate: _, ...rest } = news;
    return {
        ...rest,
        ...keptTexts(olds, news),
        generation,
        name,
        robot,
        login,
        differences: [],
        ...retiredOutputs(olds.retiredRobots),
    };
}

type Found = Pick<RobotAccountOutputs, "robot" | "differences" | "due" | "gone"> & {
    readonly nextGeneration: number | undefined;
};

/** The state after a refresh. The engine gives the next check only inputs, so what it has to know is noted there. */
function refreshedState(olds: RobotAccountOutputs, found: Found, retiredRobots: readonly RetiredRobot[]) {
    const { generation, name, login } = olds;
    const { robot, differences, due, gone, nextGeneration } = found;
    const { retired: before, ...rest } = storedInputs<RobotAccountInputs>(kind, olds);
    const retired = before?.filter(({ retiredAt }) => retiredRobots.some((robot) => robot.retiredAt === retiredAt));
    const inputs = { ...rest, ...(retired === undefined || retired.length === 0 ? {} : { retired }) };
    const notes = { ...(due === undefined ? {} : { due }), ...(gone === undefined ? {} : { gone }) };
    const { createdAt, expiresAt } = robot;
    const times = { createdAt, ...(expiresAt === undefined ? {} : { expiresAt }) };
    return {
        outs: { ...inputs, generation, name, robot, login, differences, ...notes, ...retiredOutputs(retiredRobots) },
        inputs: { ...inputs, ...notes, ...times, ...(nextGeneration === undefined ? {} : { nextGeneration }) },
    };
}

/** The successor of a deleted account needs what came before it, and the number in its name: only state has them. */
async function deletedAccount(robots: RobotAdmin, olds: RobotAccountOutputs): Promise<Found> {
    const nextGeneration = await nextFreeGeneration(robots, olds);
    return { robot: olds.robot, differences: [], due: "it was deleted in the registry", nextGeneration, gone: true };
}
