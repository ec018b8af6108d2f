import { z } from "zod";
import { clusterArgs, clusterSecrets } from "../cluster/cluster-kind";
import { type CommonOutputs, commonInputs } from "../lifecycle/resource-kind";
import { type RegistryResourceArgs, accountTexts, registryArgs, registrySecrets } from "../registry/registry-kind";

const args = registryArgs.extend({
    ...clusterArgs.shape,
    /** Secret: what nodes pull with. Another one is proven anew. */
    puller: z.object({ username: z.string(), password: z.string() }),
    /** What nodes make of the site's rules, TOML. */
    registriesConf: z.string(),
    /** Sources that the rules of the cluster forbid to contact; absent: not known before the update. */
    neverSources: z.array(z.string()).optional(),
    /** `clusterOwner` of the cluster. */
    owner: z.string(),
    /** Where pods run; absent: PROBE_NAMESPACE. */
    namespace: z.string().optional(),
    /** By upstream host, the path of a repository that the mirror has, where the importer creates none. */
    repositories: z.record(z.string(), z.string()).optional(),
    /** Another text, and it is proven again. */
    rerun: z.string().optional(),
});

const inputs = args.extend(commonInputs.shape);

export type ClusterProofArgs = RegistryResourceArgs<typeof args>;
export type ClusterProofInputs = Readonly<z.infer<typeof inputs>>;

export interface ClusterProofOutputs extends ClusterProofInputs, CommonOutputs {
    /** "worker: quay.io by digest: proven from the mirror", sorted. */
    readonly results: readonly string[];
    /** RFC 3339. Absent in state of earlier versions. */
    readonly provenAt?: string;
    /** User name of the account that nodes pulled with. Absent in state of earlier versions. */
    readonly provenWith?: string;
}

export const clusterProofKind = {
    name: "clusterProof",
    inputs,
    outputs: ["results"],
    secrets: { ...registrySecrets, ...clusterSecrets, puller: accountTexts },
} as const;
