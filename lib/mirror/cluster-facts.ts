import type { Digest } from "../oci/digest";

/**
 * What a cluster needs to know of a set beside its images: sources are keys of `ImageSet.images` or of
 * `ImageSet.earlier.images`. Plain JSON, sorted.
 */
export interface ClusterFacts {
    /** Operator catalogs, in the form that clusters are to use. */
    readonly catalogs: readonly string[];
    /** Release images -> the version they say they are; "" if they do not say. */
    readonly releases: Readonly<Record<string, string>>;
    /** OpenPGP signatures of release images: digest -> messages, base64. */
    readonly signatures: Readonly<Record<Digest, readonly string[]>>;
    /** The image of the update graph. It has no upstream, so nothing pulls it by this name: it is used at the mirror. */
    readonly graphImage?: string;
}

/** The facts of several archives as those of one set; undefined if none has any. */
export function joinFacts(all: readonly ClusterFacts[]): ClusterFacts | undefined {
    const [first, ...others] = all;
    if (first === undefined || others.length === 0) return first;
    const graphImage = all.find((facts) => facts.graphImage !== undefined)?.graphImage;
    return {
        catalogs: [...new Set(all.flatMap(({ catalogs }) => catalogs))].sort(),
        releases: Object.assign({}, ...all.map(({ releases }) => releases).reverse()) as Record<string, string>,
        signatures: Object.assign({}, ...all.map(({ signatures }) => signatures).reverse()) as Record<Digest, string[]>,
        ...(graphImage === undefined ? {} : { graphImage }),
    };
}

/** True if there is nothing to know. */
export function isEmptyFacts({ catalogs, releases, signatures, graphImage }: ClusterFacts): boolean {
    const lists = [catalogs, Object.keys(releases), Object.keys(signatures)];
    return graphImage === undefined && lists.every(({ length }) => length === 0);
}

/**
 * The facts without those of images that a set leaves out.
 * @param dropped digests that no image of the set has any more: their signatures are left out too
 */
export function factsWithout(
    { catalogs, releases, signatures, graphImage }: ClusterFacts,
    isLeftOut: (source: string) => boolean,
    dropped: ReadonlySet<Digest>,
): ClusterFacts {
    const keep = <T>(entries: Readonly<Record<string, T>>, isKept: (key: string) => boolean) =>
        Object.fromEntries(Object.entries(entries).filter(([key]) => isKept(key)));
    return {
        catalogs: catalogs.filter((source) => !isLeftOut(source)),
        releases: keep(releases, (source) => !isLeftOut(source)),
        signatures: keep(signatures, (digest) => !dropped.has(digest)),
        ...(graphImage === undefined || isLeftOut(graphImage) ? {} : { graphImage }),
    };
}
