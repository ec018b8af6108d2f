import { type Reference, parseReference, repositoryName, sourceKey } from "../../../oci/reference";
import type { NameOrigins, Origin } from "../../naming/origin";
import type { CacheName } from "./cache-name";

/** An upstream name that the archive mentions, and the cache names under which its image would be filed. */
export interface Candidate {
    readonly reference: Reference;
    /** `<repository>:<tag>` of the cache. */
    readonly cacheNames: readonly string[];
    /** Where the archive mentions it. */
    readonly origin: Origin;
    /** True if the image set of this archive asks for it; other files may speak of earlier runs. */
    readonly requested: boolean;
    /** No other image can be under these cache names: oc-mirror built it, or has read this digest as the catalog it is. */
    readonly ownsTag?: true;
}

/** `<repository>:<tag>` in each spelling. */
export function formatCacheNames({ repository, tags }: CacheName): string[] {
    return tags.map((tag) => `${repository}:${tag}`);
}

/** Where the names of a tag come from: the mapping, the first candidate with just this name, or one of its repository. */
export function candidateOrigins(candidates: readonly Candidate[]): NameOrigins {
    return (reference) => {
        const key = sourceKey(reference);
        const same = candidates.filter((candidate) => sourceKey(candidate.reference) === key);
        const found =
            same.find(({ origin }) => origin.from === "mapping") ??
            same[0] ??
            candidates.find((candidate) => repositoryName(candidate.reference) === repositoryName(reference));
        return found?.origin ?? { from: "image-set" };
    };
}

/** The reference that a text of the archive gives; undefined where it is none: such a text can help, not hinder. */
export function mentionedReference(text: string): Reference | undefined {
    try {
        return parseReference(text);
    } catch {
        return undefined;
    }
}

/** The keys of the images that the image set asks for. */
export function requestedKeys(candidates: readonly Candidate[]): ReadonlySet<string> {
    return new Set(candidates.filter(({ requested }) => requested).map(({ reference }) => sourceKey(reference)));
}

/** All candidates of each cache name. */
export function byCacheName(candidates: readonly Candidate[]): Map<string, Candidate[]> {
    const byName = new Map<string, Candidate[]>();
    for (const candidate of candidates) {
        for (const name of candidate.cacheNames) {
            const known = byName.get(name);
            if (known === undefined) byName.set(name, [candidate]);
            else known.push(candidate);
        }
    }
    return byName;
}
