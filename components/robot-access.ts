import * as pulumi from "@pulumi/pulumi";
import type { Site } from "../lib/site";
import type { RobotAccountArgs } from "../dynamic-providers/robot-account/kind";
import { RobotAccount } from "../dynamic-providers/robot-account/resource";
import type { AdminArgs } from "../dynamic-providers/registry/registry-kind";
import { registryAdmin } from "../lib/registries";

export interface RobotAccessArgs extends AdminArgs {
    /** `mirror` */
    readonly namespace: string;
    readonly robots: Site["robots"];
    readonly onRemove: Site["onRemove"];
    /** `RegistryAccess.instance`. */
    readonly owner: pulumi.Output<string>;
}

/** The two accounts that work with images: one pushes, one only pulls. Neither is the admin. */
export class RobotAccess extends pulumi.ComponentResource {
    readonly importer: RobotAccount;
    readonly puller: RobotAccount;

    constructor(name: string, { robots, onRemove, ...args }: RobotAccessArgs, opts?: pulumi.ComponentResourceOptions) {
        super("registry-passthrough:registry:RobotAccess", name, {}, opts);
        const { removalNeedsRight } = registryAdmin(args.registry.type).capabilities;
        const rights = onRemove === "delete" && removalNeedsRight ? ({ removes: true } as const) : {};
        const account = (role: "importer" | "puller", more: Pick<RobotAccountArgs, "removes" | "overlap">) =>
            new RobotAccount(
                role,
                { ...args, ...more, role, stack: pulumi.getStack(), maxAge: robots[role].maxAge },
                { parent: this, dependsOn: opts?.dependsOn ?? [] },
            );
        this.importer = account("importer", rights);
        // Clusters have the puller's secret, and nobody can see when the last one has taken the new one over.
        this.puller = account("puller", { overlap: robots.puller.overlap });
        this.registerOutputs({});
    }
}
