import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { Credentials } from "../lib/oci/auth";
import { PassthroughError } from "../lib/oci/errors";
import { type Robot, type RobotWish, registryAdmin } from "../lib/registries";
import { adminInputs, hasMoved, withManagement } from "./connection";
import type { Kind } from "./lifecycle";
import { rotationReason } from "./rotation";

export const robotAccountInputs = adminInputs.extend({
    /** `mirror` */
    namespace: z.string(),
    role: z.enum(["importer", "puller"]),
    /** Name of the stack and `RegistryAccess.instance`: whose robot account it is. */
    stack: z.string(),
    owner: z.string(),
    /** Days. It is replaced by a new generation when two thirds of them are over. */
    maxAge: z.number(),
    /** Removes images too; absent where it does not, or needs no right for it. */
    removes: z.literal(true).optional(),
    /** The number in its name, at least; decided here. */
    generation: z.number().optional(),
});

export type RobotAccountInputs = z.infer<typeof robotAccountInputs>;

export interface RobotAccountOutputs extends RobotAccountInputs {
    readonly generation: number;
    /** Short name: `importer-2`. */
    readonly name: string;
    readonly robot: Robot;
    /** Secret: what to log in with. */
    readonly login: Credentials;
    /** What a refresh found different from what is wanted. */
    readonly differences: readonly string[];
    /** Why a refresh found that its time is over. */
    readonly due?: string | undefined;
}

/**
 * A robot account of the registry, made, proven, and replaced by a new generation before it ends: the new one is there
 * before its users move, and the old one goes when they have.
 */
export const robotAccountKind: Kind<RobotAccountInputs, RobotAccountOutputs> = {
    inputs: robotAccountInputs,
    secrets: ["credentials", "login"],

    settle: (olds, news) => ({ ...news, generation: generationOf(olds, news) }),

    announce: async (olds, news, log) => {
        const before = olds.generation;
        if (before === undefined || news.generation === undefined || news.generation <= before) return;
        const why = (olds as Partial<RobotAccountOutputs>).due ?? "its maxAge is another one";
        const names = [before, news.generation].map((generation) => `${news.role}-${generation}`);
        log.line("info", `${names.join(" -> ")}: ${why}`);
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
        ] as const;
        const isChanged = compared.some((name) => !isDeepStrictEqual(olds[name], news[name]));
        const replaces = [
            ...(olds.registry.mirrorBase === news.registry.mirrorBase ? [] : ["registry"]),
            ...((news.generation ?? 0) > olds.generation ? ["generation"] : []),
        ];
        const isDue = olds.differences.length > 0 || olds.due !== undefined;
        const changes = isChanged || isDue || replaces.length > 0;
        return { changes, ...(replaces.length > 0 ? { replaces } : {}) };
    },

    create: async (inputs, { signal }) =>
        withManagement(inputs, signal, async ({ robots }) => {
            const first = inputs.generation ?? 1;
            for (let generation = first; generation < first + MAX_TAKEN; generation++) {
                const wish = wishOf(inputs, generation);
                const made = await robots.create(wish);
                if (made === undefined) continue;
                const { robot, credentials: login } = made;
                const outs = { ...inputs, generation, name: wish.name, robot, login, differences: [] };
                return { id: `${inputs.registry.mirrorBase}#${wish.name}`, outs };
            }
            throw new PassthroughError(
                `the names ${inputs.role}-${first} to ${inputs.role}-${first + MAX_TAKEN - 1} in ${inputs.namespace} are all others'`,
                { code: "ROBOT_NAMES_TAKEN", cure: "remove robot accounts that nobody uses" },
            );
        }),

    update: async (olds, news, { signal }) => {
        const { generation, name, robot: known, login } = olds;
        const wish = wishOf(news, generation);
        const isSame = isDeepStrictEqual(wishOf(olds, generation), wish) && olds.differences.length === 0;
        const robot = isSame ? known : await withManagement(news, signal, ({ robots }) => robots.update(known, wish));
        return { ...news, generation, name, robot, login, differences: [] };
    },

    read: async (olds, { signal, log }) => {
        const { name, robot: known, login, differences: differencesBefore, due: dueBefore, ...inputs } = olds;
        if (hasMoved(olds)) return { outs: olds, inputs };
        const found = await withManagement(olds, signal, ({ robots }) =>
            robots.read(known, wishOf(olds, olds.generation), login),
        );
        if (found === undefined) return undefined;
        const { robot, differences } = found;
        for (const difference of differences) log.line("warning", `${robot.username}: ${difference}`);
        const due = rotationReason(found, olds.maxAge, new Date());
        if (due !== undefined) log.line("info", `${robot.username}: ${due}; the next \`npm run up\` replaces it`);
        const outs = { ...inputs, name, robot, login, differences, ...(due === undefined ? {} : { due }) };
        return { outs, inputs: { ...inputs, ...(due === undefined ? {} : { due }) } };
    },

    remove: async (olds, { signal }) => {
        const { robot, name, namespace } = olds;
        await withManagement(olds, signal, ({ robots }) => robots.remove(robot, { name, namespace }));
    },
};

/** So many names of other stacks in a row are a mistake. */
const MAX_TAKEN = 100;

function wishOf(inputs: RobotAccountInputs, generation: number): RobotWish {
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

/** What was decided in this process: when a replacement is made, the engine checks again and tells nothing of before. */
const decided = new Map<string, number>();

function generationOf(olds: Partial<RobotAccountInputs>, news: RobotAccountInputs): number {
    if (olds.generation === undefined) return decided.get(news.selfUrn) ?? 1;
    const expires = registryAdmin(news.registry.type).capabilities.robotExpiry;
    const isOver = (olds as Partial<RobotAccountOutputs>).due !== undefined || (expires && olds.maxAge !== news.maxAge);
    const generation = isOver ? olds.generation + 1 : olds.generation;
    decided.set(news.selfUrn, generation);
    return generation;
}
