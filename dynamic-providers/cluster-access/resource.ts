import type * as pulumi from "@pulumi/pulumi";
import { DynamicResource } from "../lifecycle/dynamic-resource";
import { type ClusterAccessArgs, clusterAccessKind } from "./kind";

/** Proof that a cluster's API can be used, and that nothing in the cluster is against what the stack is about to write. */
export class ClusterAccess extends DynamicResource {
    /** Sources that the mirror objects may forbid to contact. */
    declare readonly neverSources: pulumi.Output<string[] | undefined>;

    constructor(name: string, args: ClusterAccessArgs, opts?: pulumi.CustomResourceOptions) {
        super(clusterAccessKind, name, { ...args }, opts);
    }
}
