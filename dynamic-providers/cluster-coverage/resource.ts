import type * as pulumi from "@pulumi/pulumi";
import { RegistryResource } from "../registry/registry-resource";
import { type ClusterCoverageArgs, type RefusedSource, clusterCoverageKind } from "./kind";

/**
 * Looks up every image that a cluster's objects name, and decides which sources may be forbidden: only those of which the
 * mirror has all that is in use.
 */
export class ClusterCoverage extends RegistryResource {
    /** Sources that the mirror objects may forbid to contact. */
    declare readonly neverSources: pulumi.Output<string[] | undefined>;
    /** Sources that they may not, because of missing images. */
    declare readonly refused: pulumi.Output<RefusedSource[] | undefined>;

    constructor(name: string, args: ClusterCoverageArgs, opts?: pulumi.CustomResourceOptions) {
        super(clusterCoverageKind, name, { ...args }, opts);
    }
}
