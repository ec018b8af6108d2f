import { z } from "zod";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { type CommonOutputs, commonInputs } from "../lifecycle/resource-kind";
import { clusterArgs, clusterSecrets } from "../cluster/cluster-kind";
import { type RegistryResourceArgs, allTexts, registryArgs, registrySecrets } from "../registry/registry-kind";

const args = registryArgs.extend({
    ...clusterArgs.shape,
    /** Replaces another CA or account that the cluster has for the registry. */
    adopt: z.literal(true).optional(),
    /** Minutes that nodes are waited for at most; absent: as many as the largest pool takes. */
    minutes: z.number().positive().optional(),
});

const inputs = args.extend(commonInputs.shape);

export type ClusterTrustArgs = RegistryResourceArgs<typeof args>;
export type ClusterTrustInputs = Readonly<z.infer<typeof inputs>>;

export interface ClusterTrustOutputs extends ClusterTrustInputs, CommonOutputs {
    /** ConfigMap in `openshift-config` that has the CA; absent: no CA was written. */
    readonly configMap?: string | undefined;
    /** SHA-256 of the CA that was written. */
    readonly caHash?: string | undefined;
    /** The cluster had this CA before, so it stays. */
    readonly caFound?: true | undefined;
    /** Secret. SHA-256 of the entry that was written; of the other entries state has nothing. */
    readonly entryHash?: string | undefined;
    /** What a refresh found different from what was written. */
    readonly differences: readonly string[];
}

export const clusterTrustKind = {
    name: "clusterTrust",
    inputs,
    outputs: ["configMap", "caHash", "caFound", "entryHash", "differences"],
    secrets: { ...registrySecrets, ...clusterSecrets, entryHash: allTexts },
} as const;

/** `registry.example:8443` */
export function registryHost({ mirrorBase }: ClusterTrustInputs["registry"]): string {
    return parseMirrorBase(mirrorBase).host;
}
