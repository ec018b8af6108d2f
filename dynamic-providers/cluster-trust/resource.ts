import type * as pulumi from "@pulumi/pulumi";
import { RegistryResource } from "../registry/registry-resource";
import { type ClusterTrustArgs, clusterTrustKind } from "./kind";

/** What a cluster needs to pull from the registry: its CA, and an entry in the global pull secret; on every node. */
export class ClusterTrust extends RegistryResource {
    constructor(name: string, args: ClusterTrustArgs, opts?: pulumi.CustomResourceOptions) {
        super(clusterTrustKind, name, { ...args }, opts);
    }
}
