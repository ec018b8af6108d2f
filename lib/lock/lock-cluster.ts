import { z } from "zod";
import { type ClusterFacts, isEmptyFacts } from "../mirror/cluster-facts";
import { isDigest } from "../oci/digest";

/** How a lock writes what clusters need to know. */
export const clusterFactsSchema: z.ZodType<ClusterFacts> = z.strictObject({
    catalogs: z.array(z.string()),
    releases: z.record(z.string(), z.string()),
    signatures: z.record(z.string().refine(isDigest, "not a sha256 digest"), z.array(z.base64().min(1)).min(1)),
    graphImage: z.string().exactOptional(),
});

/** The facts, if there are any: a lock has no field for none. */
export function someFacts(facts: ClusterFacts | undefined): { readonly cluster?: ClusterFacts } {
    return facts === undefined || isEmptyFacts(facts) ? {} : { cluster: facts };
}

/** Images that the facts speak of and the lock lacks, as sentences. */
export function strayFacts(
    { catalogs, releases, graphImage }: ClusterFacts,
    isKnown: (source: string) => boolean,
): string[] {
    const named = [...catalogs, ...Object.keys(releases), ...(graphImage === undefined ? [] : [graphImage])];
    return named.filter((source) => !isKnown(source)).map((source) => `cluster names ${source}, which the lock lacks`);
}
