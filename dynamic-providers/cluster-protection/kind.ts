import { z } from "zod";
import type { ResourceArgs } from "../lifecycle/dynamic-resource";
import { commonInputs } from "../lifecycle/resource-kind";

const args = z.object({
    /** Name in `site.clusters`; empty: that of `site.cluster`. */
    cluster: z.string(),
    /** The sources that have a mirror rule. */
    sources: z.array(z.string()),
    /** The registry that nodes pull from. */
    host: z.string(),
    allowRemoval: z.boolean(),
});

const inputs = args.extend(commonInputs.shape);

export type ClusterProtectionArgs = ResourceArgs<typeof args>;
export type ClusterProtectionInputs = Readonly<z.infer<typeof inputs>>;

export const clusterProtectionKind = {
    name: "clusterProtection",
    inputs,
    outputs: [],
    secrets: {},
} as const;
