import { z } from "zod";
import { OLD_OBJECT_STAGES } from "../../lib/openshift";
import { clusterArgs, clusterSecrets } from "../cluster/cluster-kind";
import { expectedSet } from "../cluster-pinned-images/kind";
import type { ResourceArgs } from "../lifecycle/dynamic-resource";
import { commonInputs } from "../lifecycle/resource-kind";

const identity = z.object({
    apiVersion: z.string(),
    kind: z.string(),
    metadata: z.object({ name: z.string(), namespace: z.string().optional() }),
});

const args = clusterArgs.extend({
    /** The mirror objects as the site wants them in the end, JSON. */
    rules: z.string(),
    /** All objects that the stack writes. */
    objects: z.array(identity),
    /** `<project>/<stack>`, or `<project>/<stack>/<cluster>`: what the stack writes on each. */
    owner: z.string(),
    /** Objects that exist already may be taken over. */
    adopt: z.boolean(),
    /** Sources may lose their rule. */
    allowRemoval: z.boolean(),
    /** What becomes of mirror objects of others, by `oldObjectKey`; absent: they stay as they are. */
    oldRules: z.record(z.string(), z.enum(OLD_OBJECT_STAGES)).optional(),
    /** The sets of images that nodes have before an upstream is forbidden; absent: none. */
    pinnedSets: z.array(expectedSet).optional(),
});

const inputs = args.extend({
    ...commonInputs.shape,
    /**
     * Sources that the mirror objects may forbid to contact; derived by the provider from what is on the nodes. Absent: the
     * cluster could not be read yet.
     */
    neverSources: z.array(z.string()).optional(),
    /** Owners that the objects may still carry, because the cluster was renamed; derived by the provider from its state. */
    formerOwners: z.array(z.string()).optional(),
    /**
     * Mirror objects of earlier runs that the cluster may still have ("ImageDigestMirrorSet a"): state has them, so they
     * are removed; derived by the provider from its state.
     */
    formerObjects: z.array(z.string()).optional(),
});

export type ClusterAccessArgs = ResourceArgs<typeof args>;
export type ClusterAccessInputs = Readonly<z.infer<typeof inputs>>;
export type ObjectIdentity = Readonly<z.infer<typeof identity>>;

export const clusterAccessKind = {
    name: "clusterAccess",
    inputs,
    outputs: ["neverSources"],
    secrets: clusterSecrets,
} as const;
