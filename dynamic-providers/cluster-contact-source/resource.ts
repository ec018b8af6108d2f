import type * as pulumi from "@pulumi/pulumi";
import { DynamicResource } from "../lifecycle/dynamic-resource";
import { type ClusterContactSourceArgs, clusterContactSourceKind } from "./kind";

/** Fails while `contactSource: never` is refused: after everything else was written, so that nothing waits for it. */
export class ClusterContactSource extends DynamicResource {
    constructor(name: string, args: ClusterContactSourceArgs, opts?: pulumi.CustomResourceOptions) {
        super(clusterContactSourceKind, name, { ...args }, opts);
    }
}
