import type { ClusterFacts } from "../../../mirror/cluster-facts";
import type { ImageNames } from "../../naming/image-names";
import { GRAPH_IMAGE_CACHE_NAME } from "./graph-image";
import type { Mentions } from "./mentions";

/**
 * What a cluster needs to know of the images that were named.
 * @param keys cache name -> the source keys of its image
 */
export function clusterFacts(
    keys: ReadonlyMap<string, readonly string[]>,
    names: Pick<ImageNames, "images" | "earlier">,
    { catalogs, releases }: Pick<Mentions, "catalogs" | "releases">,
): ClusterFacts {
    const keysFor = (cacheName: string): readonly string[] => keys.get(cacheName) ?? [];
    const versions = [...releases.payloads].flatMap(([cacheName, version]) =>
        keysFor(cacheName).map((key): [string, string] => [key, version ?? ""]),
    );
    const digests = versions.map(([key]) => names.images.get(key) ?? names.earlier.get(key) ?? "");
    const signatures = [...new Set(digests)].sort().flatMap((digest) => {
        const messages = releases.signatures.get(digest);
        return messages === undefined ? [] : [[digest, messages.map((bytes) => bytes.toString("base64"))] as const];
    });
    const [graphImage] = keysFor(GRAPH_IMAGE_CACHE_NAME);
    return {
        catalogs: [...new Set([...catalogs.wanted].flatMap(keysFor))].sort(),
        releases: Object.fromEntries(versions.sort(([a], [b]) => (a < b ? -1 : 1))),
        signatures: Object.fromEntries(signatures),
        ...(graphImage === undefined ? {} : { graphImage }),
    };
}
