import type * as pulumi from "@pulumi/pulumi";
import { RegistryResource } from "../registry/registry-resource";
import { type ClusterProofArgs, clusterProofKind } from "./kind";

/** Has nodes of each pool of a cluster pull what only the mirror has. */
export class ClusterProof extends RegistryResource {
    /** What each pool has proven. */
    declare readonly results: pulumi.Output<string[]>;

    constructor(name: string, args: ClusterProofArgs, opts?: pulumi.CustomResourceOptions) {
        super(clusterProofKind, name, { ...args }, opts);
    }
}
