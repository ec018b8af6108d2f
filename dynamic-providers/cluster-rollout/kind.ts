import { z } from "zod";
import { clusterArgs, clusterSecrets } from "../cluster/cluster-kind";
import type { ResourceArgs } from "../lifecycle/dynamic-resource";
import { type CommonOutputs, commonInputs } from "../lifecycle/resource-kind";

const args = clusterArgs.extend({
    /** The mirror objects as they were written, JSON. */
    rules: z.string(),
    /**
     * Which state of each object was written: `ImageDigestMirrorSet passthrough-site-a-digest <uid>/<generation>`. An object
     * that was changed back, or created again, is another one.
     */
    written: z.array(z.string()),
    /** Sources that the site wants to forbid, and that a later `up` forbids, once every node has the rules. */
    forbidLater: z.array(z.string()),
    /** False: nodes are not waited for, only the operator. */
    wait: z.boolean(),
    /** Minutes that nodes are waited for at most; absent: as many as the largest pool takes. */
    minutes: z.number().positive().optional(),
});

const inputs = args.extend(commonInputs.shape);

export type ClusterRolloutArgs = ResourceArgs<typeof args>;
export type ClusterRolloutInputs = Readonly<z.infer<typeof inputs>>;

/** A pool all of whose nodes have the rules. */
export interface RolledOutPool {
    /** `worker` */
    readonly pool: string;
    /** The rendered configuration that its nodes have, with the rules: `rendered-worker-<hash>`. */
    readonly configuration: string;
    /** At least one. */
    readonly nodes: number;
}

export interface ClusterRolloutOutputs extends ClusterRolloutInputs, CommonOutputs {
    /** As the last wait has left them. Pools without nodes, and those in `behind`, are not among them. */
    readonly pools: readonly RolledOutPool[];
    /** What nodes still lacked when the run went on without them ("worker: 1 of 3 nodes"); empty if it has waited. */
    readonly behind: readonly string[];
    /** What a refresh found different from what nodes had. */
    readonly differences: readonly string[];
    /** When a run found that every node has the rules, RFC 3339. Absent: none has, or it was an earlier version. */
    readonly rolledOutAt?: string | undefined;
}

export const clusterRolloutKind = {
    name: "clusterRollout",
    inputs,
    outputs: ["pools", "behind", "differences"],
    secrets: clusterSecrets,
} as const;
