import type * as pulumi from "@pulumi/pulumi";
import { RegistryResource } from "../registry/registry-resource";
import { type RobotRetirementArgs, robotRetirementKind } from "./kind";

/**
 * The end of a robot account's earlier generations: they are deleted when their overlap is over, and never before every
 * user of the account was proven with a later one. It depends on all of them.
 */
export class RobotRetirement extends RegistryResource {
    constructor(name: string, args: RobotRetirementArgs, opts?: pulumi.CustomResourceOptions) {
        super(robotRetirementKind, name, { ...args }, opts);
    }
}
