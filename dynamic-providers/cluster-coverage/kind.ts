import { z } from "zod";
import { clusterArgs, clusterSecrets } from "../cluster/cluster-kind";
import { type CommonOutputs, commonInputs } from "../lifecycle/resource-kind";
import { type RegistryResourceArgs, registryArgs, registrySecrets } from "../registry/registry-kind";

/** A source that stays allowed, with some of the images for which it does. */
const refusedSource = z.object({
    source: z.string(),
    /** The first of them, as objects name them, each with some of its owners. */
    images: z.array(z.object({ image: z.string(), owners: z.array(z.string()) })),
    /** How many there are. */
    total: z.number().int().positive(),
});

const args = registryArgs.extend({
    ...clusterArgs.shape,
    /** The mirror objects as the site wants them in the end, JSON. */
    rules: z.string(),
    /** Sources that may be forbidden as far as the nodes are concerned; absent: not known before the update. */
    candidates: z.array(z.string()).optional(),
    /** Patterns over names of images that the mirror may lack. */
    accept: z.array(z.string()),
});

const inputs = args.extend({
    ...commonInputs.shape,
    /**
     * Sources that may be forbidden; derived by the provider from the images that the cluster's objects name. Absent: they
     * could not be read yet.
     */
    neverSources: z.array(z.string()).optional(),
    /** Sources that may not, although the nodes are ready; derived with it. */
    refused: z.array(refusedSource).optional(),
});

export type ClusterCoverageArgs = RegistryResourceArgs<typeof args>;
export type ClusterCoverageInputs = Readonly<z.infer<typeof inputs>>;
/** What a lookup of the images in use has found, in numbers. */
export interface CoverageCounts {
    /** RFC 3339. */
    readonly at: string;
    readonly images: number;
    /** Images that the mirror lacks, accepted ones among them. */
    readonly missing: number;
    /** Images of which the mirror did not say whether it has them. */
    readonly unknown: number;
}

export interface ClusterCoverageOutputs extends ClusterCoverageInputs, CommonOutputs {
    /** Of the last run that decided on the sources. Absent in state of earlier versions. */
    readonly counts?: CoverageCounts;
}
export type RefusedSource = Readonly<z.infer<typeof refusedSource>>;

export const refusedSources = z.array(refusedSource);

export const clusterCoverageKind = {
    name: "clusterCoverage",
    inputs,
    outputs: ["neverSources", "refused"],
    secrets: { ...registrySecrets, ...clusterSecrets },
} as const;
