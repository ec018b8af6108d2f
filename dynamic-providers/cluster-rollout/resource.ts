import type * as pulumi from "@pulumi/pulumi";
import { DynamicResource } from "../lifecycle/dynamic-resource";
import { type ClusterRolloutArgs, type RolledOutPool, clusterRolloutKind } from "./kind";

/** Done when every node of a cluster has the mirror rules that were written before. */
export class ClusterRollout extends DynamicResource {
    /** The pools all of whose nodes have the rules. */
    declare readonly pools: pulumi.Output<readonly RolledOutPool[]>;
    /** What nodes still lack, where they are not waited for. */
    declare readonly behind: pulumi.Output<readonly string[]>;

    constructor(name: string, args: ClusterRolloutArgs, opts?: pulumi.CustomResourceOptions) {
        super(clusterRolloutKind, name, { ...args }, opts);
    }
}
