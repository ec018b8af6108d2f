import type * as pulumi from "@pulumi/pulumi";
import type { Credentials } from "../../lib/distribution/auth/credentials";
import type { Robot } from "../../lib/registries";
import type { RetiredRobot } from "./provider";
import { type AdminArgs, RegistryResource } from "../registry/registry-resource";

export interface RobotAccountArgs extends AdminArgs {
    /** `mirror` */
    readonly namespace: string;
    readonly role: "importer" | "puller";
    readonly stack: string;
    /** `RegistryAccess.instance`. */
    readonly owner: pulumi.Output<string>;
    /** Days. */
    readonly maxAge: number;
    /** Days for which an earlier generation stays valid; absent: it is removed as soon as the resources that use it moved. */
    readonly overlap?: number;
    /** It removes images that nobody wants any more, and needs a right for it. */
    readonly removes?: true;
}

/** A robot account of the registry in its current generation, with the earlier ones that stay for their overlap. */
export class RobotAccount extends RegistryResource {
    /** Secret. */
    declare readonly login: pulumi.Output<Credentials>;
    declare readonly robot: pulumi.Output<Robot>;
    /** Earlier generations that are still there. */
    declare readonly retiredRobots: pulumi.Output<readonly RetiredRobot[] | undefined>;

    constructor(name: string, args: RobotAccountArgs, opts: pulumi.CustomResourceOptions = {}) {
        const outputs = ["generation", "name", "robot", "login", "differences", "retiredRobots"];
        super("robotAccount", name, args, outputs, opts, ["login"]);
    }
}
