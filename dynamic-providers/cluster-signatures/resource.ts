import * as pulumi from "@pulumi/pulumi";
import { RegistryResource } from "../registry/registry-resource";
import { type ClusterSignaturesArgs, clusterSignaturesKind } from "./kind";

/** The signature policies of a site on the nodes of a cluster, written when the mirror has every signature that they ask for. */
export class ClusterSignatures extends RegistryResource {
    /** Names of the policies that were written. */
    declare readonly written: pulumi.Output<readonly string[]>;

    constructor(name: string, args: ClusterSignaturesArgs, opts?: pulumi.CustomResourceOptions) {
        const quiet = pulumi.mergeOptions(opts, { hideDiffs: ["images", "marks"] });
        super(clusterSignaturesKind, name, { ...args }, quiet);
    }
}
