import { z } from "zod";
import { clusterArgs, clusterSecrets } from "../cluster/cluster-kind";
import type { ResourceArgs } from "../lifecycle/dynamic-resource";
import { type CommonOutputs, commonInputs } from "../lifecycle/resource-kind";

/** One set, as it is expected in the cluster and on the nodes of its pool: `ExpectedPins`. */
export const expectedSet = z.object({ name: z.string(), pool: z.string(), images: z.string() });

const args = clusterArgs.extend({
    sets: z.array(expectedSet),
    /** The images that are pinned, a line each, sorted. */
    images: z.string(),
    /** Lock files that say how large they are. */
    locks: z.array(z.string()),
    /**
     * Which state of each set was written: `passthrough-site-a-worker-1 <uid>/<generation>`. One that was changed back, or
     * created again, is another one.
     */
    written: z.array(z.string()),
    /** Sources that the site wants to forbid, and that a later `up` forbids, once every node has the images. */
    forbidLater: z.array(z.string()),
    /** False: nodes are not waited for, only the operator. */
    wait: z.boolean(),
    /** Minutes that nodes are waited for at most; absent: as for the mirror rules. */
    minutes: z.number().positive().optional(),
});

const inputs = args.extend(commonInputs.shape);

export type ClusterPinnedImagesArgs = ResourceArgs<typeof args>;
export type ClusterPinnedImagesInputs = Readonly<z.infer<typeof inputs>>;

/** A pool all of whose nodes have the images. */
export interface FilledPool {
    /** `worker` */
    readonly pool: string;
    readonly nodes: number;
}

export interface ClusterPinnedImagesOutputs extends ClusterPinnedImagesInputs, CommonOutputs {
    /** As the last wait has left them. Pools without nodes, and those in `behind`, are not among them. */
    readonly pools: readonly FilledPool[];
    /** When every node was found to have them, RFC 3339. Absent in state of earlier versions, and if some do not. */
    readonly filledAt?: string;
    /** What nodes still lacked when the run went on without them ("worker: 1 of 3 nodes …"); empty if it has waited. */
    readonly behind: readonly string[];
    /** What a refresh found: nodes that fail to get what they had. */
    readonly differences: readonly string[];
}

export const clusterPinnedImagesKind = {
    name: "clusterPinnedImages",
    inputs,
    outputs: ["pools", "behind", "differences"],
    secrets: clusterSecrets,
} as const;
