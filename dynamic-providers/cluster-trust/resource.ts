import type * as pulumi from "@pulumi/pulumi";
import type { Credentials } from "../../lib/http/credentials";
import { RegistryResource } from "../registry/registry-resource";
import { type ClusterTrustArgs, clusterTrustKind } from "./kind";

/** What a cluster needs to pull from the registry: its CA, and an entry in the global pull secret; on every node. */
export class ClusterTrust extends RegistryResource {
    /** Secret. The account that every node has. */
    declare readonly credentials: pulumi.Output<Credentials>;

    constructor(name: string, args: ClusterTrustArgs, opts?: pulumi.CustomResourceOptions) {
        super(clusterTrustKind, name, { ...args }, opts);
    }
}
