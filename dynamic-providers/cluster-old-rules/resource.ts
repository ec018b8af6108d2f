import type * as pulumi from "@pulumi/pulumi";
import { RegistryResource } from "../registry/registry-resource";
import { type ClusterOldRulesArgs, clusterOldRulesKind } from "./kind";

/** Mirror objects of a cluster that were there before ours: they stay, or are removed when ours serve all that they do. */
export class ClusterOldRules extends RegistryResource {
    /** What creates them again, by `oldObjectKey`: `formatCopies`. */
    declare readonly copies: pulumi.Output<string | undefined>;
    /** Those of them that a run has removed, by `oldObjectKey`. */
    declare readonly removed: pulumi.Output<readonly string[] | undefined>;

    constructor(name: string, args: ClusterOldRulesArgs, opts?: pulumi.CustomResourceOptions) {
        super(clusterOldRulesKind, name, { ...args }, opts);
    }
}
