import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { Credentials } from "../../lib/distribution/auth/credentials";
import { PassthroughError, errorMessage } from "../../lib/errors/errors";
import { type Robot, type RobotAdmin, type DesiredRobot, registryAdmin } from "../../lib/registries";
import { adminInputs, hasMoved, withManagement } from "../registry/connection";
import { type ResourceProvider, PartialState, type OperationContext } from "../lifecycle/resource-provider";
import { type RetiredAccount, generationLines, validUntil, wantedGeneration, wantedRetired } from "./generations";
import { rotationReason } from "./rotation";

const retiredAccount = z.object({ name: z.string(), retiredAt: z.string(), expiresAt: z.string().optional() });

export const robotAccountInputs = adminInputs.extend({
    /** `mirror` */
    namespace: z.string(),
    role: z.enum(["importer", "puller"]),
    /** Name of the stack and `RegistryAccess.instance`: whose robot account it is. */
    stack: z.string(),
    owner: z.string(),
    /** Days. It is replaced by a new generation when two thirds of them are over. */
    maxAge: z.number(),
    /**
     * Days for which an earlier generation stays valid beside the new one. Absent: the earlier one is removed at the end
     * of the same `up`, which is right only where every user of the account is a resource of the stack.
     */
    overlap: z.number().nonnegative().optional(),
    /** Removes images too; absent where it does not, or needs no right for it. */
    removes: z.literal(true).optional(),
    /** The number in its name, at least; decided here. */
    generation: z.number().optional(),
    /** Earlier generations that stay; decided here. Absent: there are none. */
    retired: z.array(retiredAccount).optional(),
});

export type RobotAccountInputs = z.infer<typeof robotAccountInputs>;

/** An earlier generation, with what the registry knows it by. */
export interface RetiredRobot extends RetiredAccount {
    readonly robot: Robot;
}

export interface RobotAccountOutputs extends RobotAccountInputs {
    readonly generation: number;
    /** Short name: `importer-2`. */
    readonly name: string;
    readonly robot: Robot;
    /** Secret: what to log in with. */
    readonly login: Credentials;
    /** What a refresh found different from what is wanted. */
    readonly differences: readonly string[];
    /** Why a refresh found that it has to be replaced. */
    readonly due?: string | undefined;
    /** A refresh found that it was deleted in the registry. */
    readonly gone?: true | undefined;
    /** Earlier generations that are still there; absent: there are none. */
    readonly retiredRobots?: readonly RetiredRobot[] | undefined;
}

/**
 * A robot account of the registry, proven when it is made, and replaced by a new generation before it ends.
 * Without `overlap` that is a replacement of the engine's: the new account first, then its users, then the old one goes.
 * With `overlap` it is an update: the engine would delete the old account in the same `up`, although clusters have it in
 * their pull secrets, so it stays in state as retired and a later `up` deletes it.
 */
export const robotAccountProvider: ResourceProvider<RobotAccountInputs, RobotAccountOutputs> = {
    inputs: robotAccountInputs,
    secrets: ["credentials", "login"],

    normalizeInputs: (olds, news) => {
        const generation = wantedGeneration(olds, news);
        const retired = wantedRetired(olds, news, generation, new Date());
        return { ...news, generation, ...(retired.length === 0 ? {} : { retired: [...retired] }) };
    },

    describeChanges: async (olds, news, log) => {
        for (const line of generationLines(olds, news)) log.line("info", line);
    },

    compare: (olds, news) => {
        const compared = [
            "registry",
            "credentials",
            "account",
            "namespace",
            "role",
            "stack",
            "owner",
            "maxAge",
            "removes",
            "retired",
        ] as const;
        const isChanged = compared.some((name) => !isDeepStrictEqual(olds[name], news[name]));
        const isRotated = (news.generation ?? 0) > olds.generation;
        const replaces = [
            ...(olds.registry.mirrorBase === news.registry.mirrorBase ? [] : ["registry"]),
            ...(isRotated && news.overlap === undefined ? ["generation"] : []),
        ];
        const isDue = olds.differences.length > 0 || olds.due !== undefined;
        const changes = isChanged || isDue || isRotated || replaces.length > 0 || ended(olds, news).length > 0;
        return { changes, ...(replaces.length > 0 ? { replaces } : {}) };
    },

    create: async (inputs, { signal }) => {
        const made = await withManagement(inputs, signal, ({ robots }) => make(robots, inputs, inputs.generation ?? 1));
        return { id: idOf(inputs, made.name), outs: { ...inputs, ...made } };
    },

    update: async (olds, news, { signal }) => {
        const isRotated = (news.generation ?? 0) > olds.generation;
        if (!isRotated && !needsRegistry(olds, news)) return keep(olds, news, olds.robot);
        return withManagement(news, signal, async ({ robots }) => {
            const outs = isRotated
                ? {
                      ...news,
                      ...(await make(robots, news, news.generation ?? 1)),
                      ...retiredOutputs(retire(olds, news)),
                  }
                : keep(olds, news, await heal(robots, olds, news));
            return removeRetired(robots, outs, ended(olds, news));
        });
    },

    read: async (olds, { signal, log }) => {
        if (hasMoved(olds)) return { outs: olds, inputs: inputsOf(olds) };
        return withManagement(olds, signal, async ({ robots }) => {
            const retired = await readRetired(robots, olds, log);
            const found = await robots.read(olds.robot, desiredState(olds, olds.generation), olds.login);
            if (found === undefined) return deleted(olds, retired, log);
            const { robot, differences } = found;
            for (const difference of differences) log.line("warning", `${robot.username}: ${difference}`);
            const due = rotationReason(found, olds.maxAge, new Date());
            if (due !== undefined) log.line("info", `${robot.username}: ${due}; the next \`npm run up\` replaces it`);
            return refreshed(olds, { robot, differences, due, gone: undefined }, retired);
        });
    },

    remove: async (olds, { signal, log }) => {
        if (olds.overlap !== undefined && hasMoved(olds)) {
            const names = [...(olds.retiredRobots ?? []), olds].map(({ robot }) => robot.username).join(", ");
            const why = "clusters may still pull from there; delete it when none does";
            log.line("warning", `${names} at ${olds.registry.mirrorBase} is not deleted: ${why}`);
            return;
        }
        const { namespace } = olds;
        await withManagement(olds, signal, async ({ robots }) => {
            for (const { robot, name } of [...(olds.retiredRobots ?? []), olds]) {
                await robots.remove(robot, { name, namespace });
            }
        });
    },
};

/** So many names of other stacks in a row are a mistake. */
const MAX_TAKEN = 100;

function desiredState(inputs: RobotAccountInputs, generation: number): DesiredRobot {
    const { role, namespace, stack, owner, maxAge, removes } = inputs;
    return {
        name: `${role}-${generation}`,
        namespace,
        right: role === "importer" ? "push" : "pull",
        ...(removes === undefined ? {} : { removes }),
        description: `registry-passthrough ${stack} ${role} (${owner})`,
        ...(registryAdmin(inputs.registry.type).capabilities.robotExpiry ? { days: maxAge } : {}),
    };
}

type Made = Pick<RobotAccountOutputs, "generation" | "name" | "robot" | "login" | "differences">;

/** A new robot account under the first name from `first` on that no other stack has. */
async function make(robots: RobotAdmin, inputs: RobotAccountInputs, first: number): Promise<Made> {
    for (let generation = first; generation < first + MAX_TAKEN; generation++) {
        const desired = desiredState(inputs, generation);
        const made = await robots.create(desired);
        if (made === undefined) continue;
        return { generation, name: desired.name, robot: made.robot, login: made.credentials, differences: [] };
    }
    const [from, to] = [first, first + MAX_TAKEN - 1].map((generation) => `${inputs.role}-${generation}`);
    throw new PassthroughError(`robot accounts ${from} to ${to} in ${inputs.namespace} all belong to other stacks`, {
        code: "ROBOT_NAMES_TAKEN",
        fix: "remove robot accounts that nobody uses",
    });
}

function idOf(inputs: RobotAccountInputs, name: string): string {
    return `${inputs.registry.mirrorBase}#${name}`;
}

/** The state after an update that keeps the generation. */
function keep(olds: RobotAccountOutputs, news: RobotAccountInputs, robot: Robot): RobotAccountOutputs {
    const { generation, name, login } = olds;
    return { ...news, generation, name, robot, login, differences: [], ...retiredOutputs(olds.retiredRobots) };
}

function needsRegistry(olds: RobotAccountOutputs, news: RobotAccountInputs): boolean {
    return !isWished(olds, news) || ended(olds, news).length > 0;
}

function isWished(olds: RobotAccountOutputs, news: RobotAccountInputs): boolean {
    const { generation, differences } = olds;
    return (
        differences.length === 0 && isDeepStrictEqual(desiredState(olds, generation), desiredState(news, generation))
    );
}

async function heal(robots: RobotAdmin, olds: RobotAccountOutputs, news: RobotAccountInputs): Promise<Robot> {
    return isWished(olds, news) ? olds.robot : robots.update(olds.robot, desiredState(news, olds.generation));
}

/** The retired accounts after a rotation: the one that was current until now is the last of them. */
function retire(olds: RobotAccountOutputs, news: RobotAccountInputs): readonly RetiredRobot[] {
    const before = olds.retiredRobots ?? [];
    if (olds.gone === true) return before;
    const { name, robot } = olds;
    const retiredAt = news.retired?.at(-1)?.retiredAt ?? new Date().toISOString();
    const { expiresAt } = robot;
    return [...before, { name, robot, retiredAt, ...(expiresAt === undefined ? {} : { expiresAt }) }];
}

/** Retired accounts that the check no longer lists. Their own time decides as well: nothing else proves them unused. */
function ended({ retiredRobots = [] }: RobotAccountOutputs, { overlap = 0, retired = [] }: RobotAccountInputs) {
    return retiredRobots.filter(
        (robot) =>
            !retired.some(({ retiredAt }) => retiredAt === robot.retiredAt) && validUntil(robot, overlap) <= new Date(),
    );
}

function retiredOutputs(robots: readonly RetiredRobot[] = []): Pick<RobotAccountOutputs, "retiredRobots"> {
    return robots.length === 0 ? {} : { retiredRobots: robots };
}

/** Deletes retired accounts. @throws PartialState that keeps those that could not be deleted */
async function removeRetired(
    robots: RobotAdmin,
    outs: RobotAccountOutputs,
    over: readonly RetiredRobot[],
): Promise<RobotAccountOutputs> {
    const { namespace, retiredRobots = [], ...rest } = outs;
    const failed = new Map<RetiredRobot, string>();
    for (const retired of over) {
        await robots.remove(retired.robot, { name: retired.name, namespace }).catch((error: unknown) => {
            failed.set(retired, errorMessage(error));
        });
    }
    const left = retiredRobots.filter((robot) => !over.includes(robot) || failed.has(robot));
    const state = { ...rest, namespace, ...retiredOutputs(left) };
    if (failed.size === 0) return state;
    const reasons = [...failed].map(([{ robot }, why]) => `${robot.username} could not be deleted: ${why}`);
    throw new PartialState(idOf(outs, outs.name), state, reasons);
}

/** The inputs in a state; what a refresh noted for the next check (`due`, `gone`) is among them only if it is given. */
function inputsOf(olds: RobotAccountOutputs): RobotAccountInputs {
    const { name, robot, login, differences, due, gone, retiredRobots, ...inputs } = olds;
    return inputs;
}

type Found = Pick<RobotAccountOutputs, "robot" | "differences" | "due" | "gone">;

/** The state after a refresh. The engine gives the next check only inputs, so what it has to know is noted there. */
function refreshed(olds: RobotAccountOutputs, found: Found, retiredRobots: readonly RetiredRobot[]) {
    const { generation, name, login } = olds;
    const { robot, differences, due, gone } = found;
    const { retired: before, ...rest } = inputsOf(olds);
    const retired = before?.filter(({ retiredAt }) => retiredRobots.some((robot) => robot.retiredAt === retiredAt));
    const inputs = { ...rest, ...(retired === undefined || retired.length === 0 ? {} : { retired }) };
    const notes = { ...(due === undefined ? {} : { due }), ...(gone === undefined ? {} : { gone }) };
    const expiry = robot.expiresAt === undefined ? {} : { expiresAt: robot.expiresAt };
    return {
        outs: { ...inputs, generation, name, robot, login, differences, ...notes, ...retiredOutputs(retiredRobots) },
        inputs: { ...inputs, ...notes, ...expiry },
    };
}

/** An account that was deleted stays in state: what came before it, and the number in its name, are known only there. */
function deleted(olds: RobotAccountOutputs, retired: readonly RetiredRobot[], log: OperationContext["log"]) {
    const { robot } = olds;
    log.line("warning", `${robot.username} was deleted in the registry; the next \`npm run up\` makes a new one`);
    return refreshed(olds, { robot, differences: [], due: "it was deleted in the registry", gone: true }, retired);
}

/** The retired accounts that the registry still has. */
async function readRetired(
    robots: RobotAdmin,
    { retiredRobots = [], namespace, overlap = 0 }: RobotAccountOutputs,
    log: OperationContext["log"],
): Promise<RetiredRobot[]> {
    const there: RetiredRobot[] = [];
    for (const retired of retiredRobots) {
        const { robot, name } = retired;
        if (await robots.exists(robot, { name, namespace })) there.push(retired);
        else {
            const day = validUntil(retired, overlap).toISOString().slice(0, 10);
            const text = `${robot.username}, retired and valid until ${day}, was deleted in the registry`;
            log.line("warning", `${text}: clusters that still have it in their pull secret cannot pull`);
        }
    }
    return there;
}
