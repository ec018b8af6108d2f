import { z } from "zod";
import { kubeconfigSecrets } from "../../lib/kubernetes/kubeconfig-secrets";
import type { CommonInputs } from "../lifecycle/resource-kind";
import { allTexts } from "../registry/registry-kind";

/** How a resource reaches its cluster, as it stores it in state: the names are an ABI. */
export const clusterArgs = z.object({
    /** Name in `site.clusters`; empty: that of `site.cluster`. */
    cluster: z.string(),
    /** Secret. Text of a kubeconfig that names no files. */
    kubeconfig: z.string(),
    /** Absent: the kubeconfig's `current-context`. */
    context: z.string().optional(),
    /** `4.18.20` or `4.18`; absent: the newest. */
    version: z.string().optional(),
});

export type ClusterInputs = Readonly<z.infer<typeof clusterArgs>> & CommonInputs;

/** The secret inputs of every resource at a cluster. */
export const clusterSecrets = { kubeconfig: kubeconfigTexts } as const;

/** The texts that give a kubeconfig away: the secrets of all its users. */
export function kubeconfigTexts(value: unknown): readonly string[] {
    return typeof value === "string" ? kubeconfigSecrets(value) : allTexts(value);
}
