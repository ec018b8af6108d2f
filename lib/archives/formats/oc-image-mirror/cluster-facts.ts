import type { ClusterFacts } from "../../../mirror/cluster-facts";
import type { MirroredManifest } from "./candidate";
import type { ReleasePayload } from "./release-payload";
import type { ReleaseSignatures } from "./release-signatures";

/** What the archive says beside names. */
interface MirrorContent {
    readonly payloads: readonly ReleasePayload[];
    readonly signatures: ReleaseSignatures;
    /** The repositories that catalogs were written to. */
    readonly catalogs: ReadonlySet<string>;
}

/**
 * What a cluster needs to know of the images of a mirrored release or catalog.
 * @param keys the source keys of each image
 */
export function mirrorFacts(
    keys: ReadonlyMap<MirroredManifest, readonly string[]>,
    { payloads, signatures, catalogs }: MirrorContent,
): ClusterFacts {
    const catalogKeys = [...keys].flatMap(([{ repository, tag }, own]) =>
        catalogs.has(repository) && tag !== undefined ? own : [],
    );
    const releases = payloads.flatMap(({ image, version = "" }) =>
        (keys.get(image) ?? []).map((key): [string, string] => [key, version]),
    );
    const signed = payloads.flatMap(({ image: { digest } }): [string, string[]][] => {
        const messages = signatures.messages(digest);
        return messages.length === 0 ? [] : [[digest, messages.map((bytes) => bytes.toString("base64"))]];
    });
    return {
        catalogs: [...new Set(catalogKeys)].sort(),
        releases: Object.fromEntries(releases.sort(([a], [b]) => (a < b ? -1 : 1))),
        signatures: Object.fromEntries(signed.sort(([a], [b]) => (a < b ? -1 : 1))),
    };
}
