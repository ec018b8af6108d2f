import { z } from "zod";
import { refusedSources } from "../cluster-coverage/kind";
import type { ResourceArgs } from "../lifecycle/dynamic-resource";
import { type CommonOutputs, commonInputs } from "../lifecycle/resource-kind";

const args = z.object({
    /** Name in `site.clusters`; empty: that of `site.cluster`. */
    cluster: z.string(),
    /** Sources that stay allowed against the configuration. */
    refused: refusedSources,
});

const inputs = args.extend(commonInputs.shape);

export type ClusterContactSourceArgs = ResourceArgs<typeof args>;
export type ClusterContactSourceInputs = Readonly<z.infer<typeof inputs>>;
export type ClusterContactSourceOutputs = ClusterContactSourceInputs & CommonOutputs;

export const clusterContactSourceKind = {
    name: "clusterContactSource",
    inputs,
    outputs: [],
    secrets: {},
} as const;
