import type * as pulumi from "@pulumi/pulumi";
import { DynamicResource } from "../lifecycle/dynamic-resource";
import { type ClusterProtectionArgs, clusterProtectionKind } from "./kind";

/** Depends on all that a cluster needs to pull from the mirror, so it is removed first: and that, only if it is allowed. */
export class ClusterProtection extends DynamicResource {
    constructor(name: string, args: ClusterProtectionArgs, opts?: pulumi.CustomResourceOptions) {
        super(clusterProtectionKind, name, { ...args }, opts);
    }
}
