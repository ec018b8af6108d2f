import type * as pulumi from "@pulumi/pulumi";
import { DynamicResource } from "../lifecycle/dynamic-resource";
import { type ClusterPinnedImagesArgs, type FilledPool, clusterPinnedImagesKind } from "./kind";

/** Done when every node of the pools has the images that are pinned on it. */
export class ClusterPinnedImages extends DynamicResource {
    /** The pools all of whose nodes have the images. */
    declare readonly pools: pulumi.Output<readonly FilledPool[]>;
    /** What nodes still lack, where they are not waited for. */
    declare readonly behind: pulumi.Output<readonly string[]>;

    constructor(name: string, args: ClusterPinnedImagesArgs, opts?: pulumi.CustomResourceOptions) {
        super(clusterPinnedImagesKind, name, { ...args }, opts);
    }
}
