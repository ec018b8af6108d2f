import { z } from "zod";
import { OLD_OBJECT_STAGES } from "../../lib/openshift";
import { clusterArgs, clusterSecrets } from "../cluster/cluster-kind";
import { type CommonOutputs, commonInputs } from "../lifecycle/resource-kind";
import { type RegistryResourceArgs, registryArgs, registrySecrets } from "../registry/registry-kind";

const args = registryArgs.extend({
    ...clusterArgs.shape,
    /** Our mirror objects as they are written, JSON. */
    rules: z.string(),
    /** What becomes of each old object, by `oldObjectKey`. */
    stages: z.record(z.string(), z.enum(OLD_OBJECT_STAGES)),
    /** `clusterOwner` of the cluster: whose the pools are paused for. */
    owner: z.string(),
    /** False: images that the cluster's objects name are not looked up. */
    check: z.boolean(),
    /** Patterns over names of images that the mirror may lack. */
    accept: z.array(z.string()),
    /** Sources may lose their only rule. */
    allowRemoval: z.boolean(),
    /** Minutes that nodes are waited for at most; absent: as many as the largest pool takes. */
    minutes: z.number().positive().optional(),
});

const inputs = args.extend({
    ...commonInputs.shape,
    /** What creates the objects again: `formatCopies`; derived by the provider from the cluster. */
    copies: z.string().optional(),
    /** What the update does ("remove ImageDigestMirrorSet idms-operator-0"); derived with it. Empty in state: it is done. */
    steps: z.array(z.string()).optional(),
});

export type ClusterOldRulesArgs = RegistryResourceArgs<typeof args>;
export type ClusterOldRulesInputs = Readonly<z.infer<typeof inputs>>;
export type ClusterOldRulesOutputs = ClusterOldRulesInputs &
    CommonOutputs & {
        /** Objects of the copies that a run has removed, by `oldObjectKey`. Absent in state of earlier versions. */
        readonly removed?: readonly string[];
        /** When the objects were as their stages say, RFC 3339. Absent in state of earlier versions. */
        readonly doneAt?: string;
    };

export const clusterOldRulesKind = {
    name: "clusterOldRules",
    inputs,
    outputs: ["copies", "steps", "removed"],
    secrets: { ...registrySecrets, ...clusterSecrets },
} as const;
