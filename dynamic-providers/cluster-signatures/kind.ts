import { z } from "zod";
import { clusterArgs, clusterSecrets } from "../cluster/cluster-kind";
import { type CommonOutputs, commonInputs } from "../lifecycle/resource-kind";
import { type RegistryResourceArgs, imageListInput, registryArgs, registrySecrets } from "../registry/registry-kind";

const args = registryArgs.extend({
    ...clusterArgs.shape,
    /** The images that the policies cover: source reference -> digest, as `formatImages` writes it. */
    images: imageListInput,
    /** Source reference -> why its digest is not upstream's. Absent: none is. */
    marks: z
        .record(z.string(), z.enum(["tag-only", "rebuilt"]))
        .readonly()
        .optional(),
    /** The registries.conf that a node generates from the mirror rules, TOML. */
    registriesConf: z.string(),
    /** The policies that the cluster gets, of `formatSignatureRules`. */
    signatures: z.string(),
    /** `clusterOwner` of the cluster. */
    owner: z.string(),
    /** Policies of others that have a wanted name may be taken over. */
    adopt: z.boolean(),
    /** Minutes that nodes are waited for at most; absent: as many as the largest pool takes. */
    minutes: z.number().positive().optional(),
});

const inputs = args.extend(commonInputs.shape);

export type ClusterSignaturesArgs = RegistryResourceArgs<typeof args>;
export type ClusterSignaturesInputs = Readonly<z.infer<typeof inputs>>;

export interface ClusterSignaturesOutputs extends ClusterSignaturesInputs, CommonOutputs {
    /** Names of the policies that were written. */
    readonly written: readonly string[];
    /** Images that were looked up in the mirror and that nodes accept by the policies. */
    readonly accepted: number;
    /** When they were looked up, RFC 3339. Absent in state of earlier versions. */
    readonly acceptedAt?: string;
    /** What the last run has not waited for, because it ended before; empty if every node has the policies. */
    readonly behind: readonly string[];
    /** What a refresh found different from what was written. */
    readonly differences: readonly string[];
}

export const clusterSignaturesKind = {
    name: "clusterSignatures",
    inputs,
    outputs: ["written", "accepted", "behind", "differences"],
    secrets: { ...registrySecrets, ...clusterSecrets },
} as const;
