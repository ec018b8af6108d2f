import { RegistryError } from "../../lib/errors/errors";
import type { RegistryManagement, Robot, RobotAdmin } from "../../lib/registries";
import { changedInputs, comparedInputs, storedInputs } from "../lifecycle/resource-kind";
import { hasMoved, replacedRegistry, withManagement } from "../registry/connection";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import { asLeft, createAccount, desiredOfState, isAsDesired, nextFreeGeneration } from "./account";
import { announce } from "./announcement";
import {
    earlierAccounts,
    generationLines,
    isReplaced,
    keptTexts,
    keptTimes,
    nextGeneration,
    notedTimes,
    upcomingLine,
    withoutTimes,
} from "./generations";
import { type RetiredRobot, type RobotAccountInputs, type RobotAccountOutputs, robotAccountKind as kind } from "./kind";
import { isLeftBehind, leaveRegistry } from "./former-registry";
import {
    endedAccounts,
    knownAccounts,
    readRetired,
    removeRemains,
    retireCurrent,
    retiredOutputs,
    retiredState,
    withoutDeleted,
} from "./retirement";
import { proveLogin } from "./proof";
import { endsValidSecret, isRenewed, renew, renewalLines, requireRenewal } from "./renewal";
import { REJECTED, rotationReason } from "./rotation";

/**
 * These are compared by what follows from them; what an account is proven with changes with the content, and how it will be
 * rotated matters when it is.
 */
const COMPARED = comparedInputs(kind, ["generation", "retired", "samples", "rotation", "byHand", "targets"]);

/**
 * A robot account of the registry, proven when it is created, and replaced by a new generation before it expires.
 * Without `overlap` that is a replacement by the engine: the new account first, then its users, then the old one is
 * deleted. With `overlap` it is an update: the engine would delete the old account in the same `up`, although clusters
 * have it in their pull secrets, so it stays in state as retired, and a `RobotRetirement` deletes it later. With `rotation`
 * in place it is an update, too: the account gets a new secret.
 */
export const robotAccountProvider: RegistryProvider<RobotAccountInputs, RobotAccountOutputs> = {
    ...kind,

    normalizeInputs: (olds, news, { process }) => {
        const generation = nextGeneration(olds, news, process.generations);
        const retired = earlierAccounts(olds, news, generation, new Date());
        return {
            ...news,
            generation,
            ...(retired.length === 0 ? {} : { retired }),
            ...keptTimes(olds, generation),
        };
    },

    describeChanges: async (olds, news, context) => {
        const { log, process } = context;
        await requireRenewal(olds, news, context);
        if (endsValidSecret(olds, news)) process.pullerRenewals.add(news.registry.mirrorBase);
        const { info, warning } = renewalLines(olds, news);
        for (const line of [...generationLines(olds, news), ...info]) log.line("info", line);
        for (const line of warning) log.line("warning", line);
        const upcoming = upcomingLine(olds, news);
        if (upcoming !== undefined && !process.announcedRotations.has(news.selfUrn)) log.line("warning", upcoming);
    },

    compare: (olds, news) => {
        const isRotated = isReplaced(olds, news);
        const replaces = [
            ...replacedRegistry(olds, news),
            ...(isRotated && news.overlap === undefined ? ["generation"] : []),
        ];
        const isDue = olds.differences.length > 0 || olds.due !== undefined || olds.unproven === true;
        const hasRemains = olds.retiredRobots?.some(({ gone }) => gone === true) === true;
        const isChanged = changedInputs(olds, news, COMPARED).length > 0;
        return {
            changes: isChanged || isDue || hasRemains || isRotated || isRenewed(olds, news) || replaces.length > 0,
            ...(replaces.length > 0 ? { replaces } : {}),
        };
    },

    create: async (inputs, context) => {
        const created = await withManagement(inputs, context, async (management) => {
            const account = await createAccount(management.robots, inputs, context.log);
            if (isSuccessor(inputs)) await proveLogin(inputs, account.login, management, context, "new account");
            return account;
        });
        const { createdRobots } = context.process;
        const { mirrorBase } = inputs.registry;
        createdRobots.set(mirrorBase, [...(createdRobots.get(mirrorBase) ?? []), created.robot.username]);
        return { id: resourceId(inputs, created.name), outs: { ...inputs, ...created } };
    },

    update: async (olds, checked, context) => {
        const news = withoutTimes(checked);
        const ended = endedAccounts(olds);
        const isKept = !isReplaced(olds, news) && !isRenewed(olds, news) && olds.unproven !== true;
        if (isKept && ended.length === 0 && isAsDesired(olds, news)) return keptState(olds, news, olds.robot);
        return withManagement(news, context, async (management) => {
            const before = await withoutDeleted(management.robots, olds, ended);
            return change(management, before, news, context);
        });
    },

    read: async (olds, context) => {
        const { log } = context;
        if (hasMoved(olds, context)) return { outs: olds, inputs: storedInputs<RobotAccountInputs>(kind, olds) };
        return withManagement(olds, context, async ({ robots }) => {
            const retired = await readRetired(robots, olds, log);
            const found = await robots.read(olds.robot, asLeft(olds), olds.login);
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
            if (olds.unproven === true)
                log.line("warning", `${robot.username}: no pull or push has proven its new secret yet`);
            const now = new Date();
            const due = rotationReason(found, olds, now);
            announce({ ...olds, robot, due }, context, now);
            const next = due === undefined ? undefined : await nextFreeGeneration(robots, olds);
            return refreshedState(olds, { robot, differences, due, nextGeneration: next, gone: undefined }, retired);
        });
    },

    remove: async (olds, context) => {
        if (hasMoved(olds, context) || isLeftBehind(olds, context.process)) return leaveRegistry(olds, context);
        const { namespace } = olds;
        await withManagement(olds, context, async ({ robots }) => {
            for (const { robot, name } of [...(olds.retiredRobots ?? []), olds]) {
                await robots.remove(robot, { name, namespace });
            }
        });
    },
};

function resourceId(inputs: RobotAccountInputs, name: string): string {
    return `${inputs.registry.mirrorBase}#${name}`;
}

/** True for an account that takes the place of another one; the first is proven by the import and the validation. */
function isSuccessor({ generation = 1 }: RobotAccountInputs): boolean {
    return generation > 1;
}

function change(
    management: RegistryManagement,
    olds: RobotAccountOutputs,
    news: RobotAccountInputs,
    context: RegistryContext,
): Promise<RobotAccountOutputs> {
    if (isReplaced(olds, news)) return rotate(management, olds, news, context);
    if (isRenewed(olds, news)) return renew(management, olds, news, context, resourceId(news, olds.name));
    return repair(management, olds, news, context);
}

async function rotate(
    management: RegistryManagement,
    olds: RobotAccountOutputs,
    news: RobotAccountInputs,
    context: RegistryContext,
): Promise<RobotAccountOutputs> {
    const generation = Math.max(news.generation ?? 1, olds.generation + 1);
    await settle(management.robots, olds, context);
    const created = await createAccount(management.robots, { ...news, generation }, context.log);
    await proveLogin(news, created.login, management, context, "new account");
    const isLeft = await removeRemains(management.robots, olds);
    return { ...news, ...created, ...retiredState(news, isLeft ? retireCurrent(olds, news) : olds.retiredRobots) };
}

/**
 * Takes from an account that stays beside its successor what somebody has given it. One that somebody has disabled stays
 * disabled. The rotation goes on where the account of the stack may not change others.
 */
async function settle(robots: RobotAdmin, olds: RobotAccountOutputs, { log }: RegistryContext): Promise<void> {
    if (olds.differences.length === 0 || olds.gone === true) return;
    const desired = { ...desiredOfState(olds, olds), staysDisabled: true } as const;
    await robots.update(olds.robot, desired).catch((error: unknown) => {
        if (!(error instanceof RegistryError) || error.status !== 403) throw error;
        const left = olds.differences.join("; ");
        log.line(
            "warning",
            `${olds.robot.username} stays valid with what somebody changed (${left}): ${error.message}`,
        );
    });
}

async function repair(
    management: RegistryManagement,
    olds: RobotAccountOutputs,
    news: RobotAccountInputs,
    context: RegistryContext,
): Promise<RobotAccountOutputs> {
    const desired = desiredOfState(olds, news);
    const robot = isAsDesired(olds, news) ? olds.robot : await management.robots.update(olds.robot, desired);
    if (olds.differences.length > 0) {
        const found = await management.robots.read(robot, desired, olds.login);
        if (found?.isAccepted === false) return replaceSecret(management, { ...olds, robot }, news, context);
    }
    if (olds.unproven === true) await proveLogin(news, olds.login, management, context, "new secret");
    return keptState(olds, news, robot);
}

/**
 * Rotates an account whose secret turned out to be rejected only when the account was put right: a refresh cannot ask with the
 * secret of one that is disabled. An importer that is replaced needs the engine: its next refresh finds the same.
 */
async function replaceSecret(
    management: RegistryManagement,
    repaired: RobotAccountOutputs,
    news: RobotAccountInputs,
    context: RegistryContext,
): Promise<RobotAccountOutputs> {
    const { robot, renewedAt, name } = repaired;
    const olds = { ...repaired, differences: [] };
    context.log.line("info", `${robot.username}: ${REJECTED}`);
    if (news.rotation === "in-place") return renew(management, olds, news, context, resourceId(news, name));
    if (news.overlap === undefined) return keptState(olds, news, robot);
    const generation = olds.generation + 1;
    const known = { ...olds, ...notedTimes({ ...robot, renewedAt }), retired: news.retired };
    const retired = earlierAccounts(known, news, generation, new Date());
    return rotate(management, olds, { ...news, generation, retired }, context);
}

/** The state after an update that keeps the generation. */
function keptState(olds: RobotAccountOutputs, news: RobotAccountInputs, robot: Robot): RobotAccountOutputs {
    const { generation, name, login, renewedAt } = olds;
    const { rotate: _, ...rest } = news;
    return {
        ...rest,
        ...keptTexts(olds, news),
        generation,
        name,
        robot,
        login,
        ...(renewedAt === undefined ? {} : { renewedAt }),
        differences: [],
        ...retiredState(news, olds.retiredRobots),
    };
}

type Found = Pick<RobotAccountOutputs, "robot" | "differences" | "due" | "gone"> & {
    readonly nextGeneration: number | undefined;
};

/** The state after a refresh. The engine gives the next check only inputs, so what it has to know is noted there. */
function refreshedState(olds: RobotAccountOutputs, found: Found, retiredRobots: readonly RetiredRobot[]) {
    const { generation, name, login, renewedAt, unproven } = olds;
    const { robot, differences, due, gone, nextGeneration } = found;
    const { retired: before, ...rest } = storedInputs<RobotAccountInputs>(kind, olds);
    const retired = knownAccounts(before, retiredRobots);
    const inputs = { ...rest, ...(retired === undefined ? {} : { retired }) };
    const notes = { ...(due === undefined ? {} : { due }), ...(gone === undefined ? {} : { gone }) };
    const renewed = {
        ...(renewedAt === undefined ? {} : { renewedAt }),
        ...(unproven === undefined ? {} : { unproven }),
    };
    const account = { generation, name, robot, login, differences, ...renewed };
    const times = notedTimes({ ...robot, renewedAt });
    return {
        outs: { ...inputs, ...account, ...notes, ...retiredOutputs(retiredRobots) },
        inputs: { ...inputs, ...notes, ...times, ...(nextGeneration === undefined ? {} : { nextGeneration }) },
    };
}

/** The successor of a deleted account needs what came before it, and the number in its name: only state has them. */
async function deletedAccount(robots: RobotAdmin, olds: RobotAccountOutputs): Promise<Found> {
    const nextGeneration = await nextFreeGeneration(robots, olds);
    return { robot: olds.robot, differences: [], due: "it was deleted in the registry", nextGeneration, gone: true };
}
