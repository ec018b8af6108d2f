import { z } from "zod";
import type { Credentials } from "../../lib/http/credentials";
import type { Robot } from "../../lib/registries";
import { type CommonOutputs, commonInputs } from "../lifecycle/resource-kind";
import { type RegistryResourceArgs, accountTexts, adminArgs, registrySecrets } from "../registry/registry-kind";

const args = adminArgs.extend({
    /** `mirror` */
    namespace: z.string(),
    role: z.enum(["importer", "puller"]),
    /** The stack's name; with `owner`, the mark of its robot accounts. */
    stack: z.string(),
    /** `RegistryAccess.instance`. */
    owner: z.string(),
    /** Days. The account is replaced by a new generation when two thirds of them are over. */
    maxAge: z.number(),
    /**
     * Days for which an earlier generation stays valid beside the new one: a `RobotRetirement` deletes it after them.
     * Absent: the engine deletes it at the end of the same `up`, which is right only where every user of the account is a
     * resource of the stack.
     */
    overlap: z.number().nonnegative().optional(),
    /** By configuration key, texts that replace the account whenever they change. Absent: there is none. */
    rotate: z.record(z.string(), z.string()).readonly().optional(),
    /** A rotation gives the account a new secret under its name. Absent: a new generation takes its place. */
    rotation: z.literal("in-place").optional(),
    /** Names of the clusters that take the pull secret by hand; "" is the only one. Only with `rotation`. */
    byHand: z.array(z.string()).readonly().optional(),
    /** Names of `site.cluster.targets`, whose hosts take the pull secret by hand. Absent: there are none. Only with `rotation`. */
    targets: z.array(z.string()).readonly().optional(),
    /** Source references of images that a new generation is proven with, if the registry has them. */
    samples: z.array(z.string()).readonly().optional(),
    /** Removes images too; absent where it does not, or needs no right for it. */
    removes: z.literal(true).optional(),
});

const retiredAccount = z.object({
    /** Short name: `puller-1`. */
    name: z.string(),
    /** When the next generation replaced it, RFC 3339. */
    retiredAt: z.string(),
    /** When the registry disables it by itself, RFC 3339; absent if it does not. */
    expiresAt: z.string().optional(),
});

const robot: z.ZodType<Robot> = z.object({
    id: z.string(),
    username: z.string(),
    createdAt: z.string(),
    expiresAt: z.string().exactOptional(),
});

/** An earlier generation, with what the registry knows it by. */
export const retiredRobot = retiredAccount.extend({
    robot,
    /** Within its overlap, a refresh found that nobody can log in with it any more. */
    gone: z.literal(true).optional(),
});

const inputs = args.extend({
    ...commonInputs.shape,
    /** The least number in its name; derived by the provider. */
    generation: z.number().optional(),
    /** Earlier generations that are not known to be deleted; derived by the provider. Absent: there are none. */
    retired: z.array(retiredAccount).readonly().optional(),
});

export type RobotAccountArgs = RegistryResourceArgs<typeof args>;
export type RobotAccountInputs = Readonly<z.infer<typeof inputs>>;
/** An earlier generation of a robot account that clusters may still pull with. */
export type RetiredAccount = Readonly<z.infer<typeof retiredAccount>>;
export type RetiredRobot = Readonly<z.infer<typeof retiredRobot>>;

export interface RobotAccountOutputs extends RobotAccountInputs, CommonOutputs {
    readonly generation: number;
    /** Short name: `importer-2`. */
    readonly name: string;
    readonly robot: Robot;
    /** Secret: what to log in with. */
    readonly login: Credentials;
    /** What a refresh found different from the inputs. */
    readonly differences: readonly string[];
    /** Why a refresh found that it has to be replaced. */
    readonly due?: string | undefined;
    /** When it got its present secret in place, RFC 3339; absent: it has the one that it was created with. */
    readonly renewedAt?: string | undefined;
    /** It has got a new secret that no pull or push has proven yet. */
    readonly unproven?: true | undefined;
    /**
     * Earlier generations that are not known to be deleted; absent: there are none. One that was deleted after its overlap
     * stays until the next update: a state that changes by itself would be drift.
     */
    readonly retiredRobots?: readonly RetiredRobot[] | undefined;
}

export const robotAccountKind = {
    name: "robotAccount",
    inputs,
    outputs: ["generation", "name", "robot", "login", "differences", "renewedAt", "unproven", "retiredRobots"],
    secrets: { ...registrySecrets, login: accountTexts },
} as const;
