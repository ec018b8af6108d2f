import type * as pulumi from "@pulumi/pulumi";
import type { Credentials } from "../../lib/http/credentials";
import type { Robot } from "../../lib/registries";
import { RegistryResource } from "../registry/registry-resource";
import { type RetiredRobot, type RobotAccountArgs, robotAccountKind } from "./kind";

/** A robot account of the registry in its current generation, with the earlier ones that stay for their overlap. */
export class RobotAccount extends RegistryResource {
    /** Secret. */
    declare readonly login: pulumi.Output<Credentials>;
    declare readonly robot: pulumi.Output<Robot>;
    /** Earlier generations that still exist. */
    declare readonly retiredRobots: pulumi.Output<readonly RetiredRobot[] | undefined>;

    constructor(name: string, args: RobotAccountArgs, opts?: pulumi.CustomResourceOptions) {
        super(robotAccountKind, name, { ...args }, opts);
    }
}
