import { z } from "zod";
import { commonInputs } from "../lifecycle/resource-kind";
import { type RegistryResourceArgs, adminArgs, registrySecrets } from "../registry/registry-kind";
import { retiredRobot } from "../robot-account/kind";

/** A resource that logs in with the account, by what its state has: a cluster's pull secret, a validation. */
const accountUser = z.object({
    /** Its name: `cluster-west-trust`. */
    resource: z.string(),
    /** `robot$mirror+puller-2` */
    username: z.string(),
});

const args = adminArgs.extend({
    /** `mirror` */
    namespace: z.string(),
    /** User name of the current generation. */
    current: z.string(),
    /** Earlier generations, as the `RobotAccount` has them; some may be deleted already. */
    retired: z.array(retiredRobot).readonly(),
    /** Days for which an earlier generation stays valid. */
    overlap: z.number().nonnegative(),
    users: z.array(accountUser).readonly(),
    /**
     * Somebody gives the account to a cluster or a host by hand, which takes the overlap after the `up` whose outputs have it.
     * Absent: everything that pulls is among the users.
     */
    byHand: z.literal(true).optional(),
});

const inputs = args.extend({
    ...commonInputs.shape,
    /**
     * By short name of an earlier generation, when an `up` first found every user with its successor, RFC 3339; derived by
     * the provider. Absent: of none.
     */
    provenAt: z.record(z.string(), z.string()).readonly().optional(),
    /** Short names of the earlier generations that are deleted; derived by the provider. Absent: none is. */
    ended: z.array(z.string()).readonly().optional(),
});

export type RobotRetirementArgs = RegistryResourceArgs<typeof args>;
export type RobotRetirementInputs = Readonly<z.infer<typeof inputs>>;
export type AccountUser = Readonly<z.infer<typeof accountUser>>;

export const robotRetirementKind = {
    name: "robotRetirement",
    inputs,
    outputs: [],
    secrets: registrySecrets,
} as const;
