import * as pulumi from "@pulumi/pulumi";
import type { Site } from "../config";
import { RobotAccount } from "../dynamic-providers/robot-account";
import type { AdminArgs } from "../dynamic-providers/registry-resource";

export interface RobotAccessArgs extends AdminArgs {
    /** `mirror` */
    readonly namespace: string;
    readonly robots: Site["robots"];
    /** `RegistryAccess.instance`. */
    readonly owner: pulumi.Output<string>;
}

/** The two accounts that work with images: one pushes, one only pulls. Neither is the admin. */
export class RobotAccess extends pulumi.ComponentResource {
    readonly importer: RobotAccount;
    readonly puller: RobotAccount;

    constructor(name: string, { robots, ...args }: RobotAccessArgs, opts?: pulumi.ComponentResourceOptions) {
        super("registry-passthrough:registry:RobotAccess", name, {}, opts);
        const account = (role: "importer" | "puller") =>
            new RobotAccount(
                role,
                { ...args, role, stack: pulumi.getStack(), maxAge: robots[role].maxAge },
                { parent: this, dependsOn: opts?.dependsOn ?? [] },
            );
        this.importer = account("importer");
        this.puller = account("puller");
        this.registerOutputs({});
    }
}
