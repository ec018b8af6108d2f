import { type Reference, repositoryName, sourceKey } from "../../../oci/reference";
import { digestOfTag } from "./cache-name";
import { distinct } from "../../naming/image-names";
import type { Candidate } from "./candidate";
import type { TagLink } from "./cache-index";
import { type Overrides, overriddenReference } from "../../naming/override";

/** What is known about the upstream of a tag of the cache. */
export type TagVerdict =
    | { readonly kind: "named"; readonly references: readonly Reference[]; readonly note?: string }
    /** Its candidates, if any, have other digests. */
    | { readonly kind: "unknown"; readonly candidates: readonly Candidate[] }
    | { readonly kind: "ambiguous"; readonly candidates: readonly Candidate[] }
    /** The tag stands for another digest than the one it points to. */
    | { readonly kind: "converted" };

/**
 * Which upstream a tag link comes from. A candidate counts if it has no digest, or that of the link; one with a digest
 * is certain, and several of them are one image under several names. Several without one are several images of which
 * the cache kept the last: only an override decides.
 * @param candidates those whose cache name is this tag's
 */
export function judgeTag(link: TagLink, candidates: readonly Candidate[], overrides: Overrides): TagVerdict {
    const fitting = candidates.filter(({ reference }) => (reference.digest ?? link.digest) === link.digest);
    const isOfOther = (digestOfTag(link.tag) ?? link.digest) !== link.digest;
    // An upstream may use such a tag for reasons of its own.
    if (isOfOther && !fitting.some(({ reference }) => reference.tag === link.tag)) return { kind: "converted" };
    const certain = fitting.filter(({ reference }) => reference.digest !== undefined);
    const references = fullest((certain.length > 0 ? certain : fitting).map(({ reference }) => reference));
    const override = overrides.find([link.repository, `${link.repository}:${link.tag}`]);
    if (certain.length > 0 || references.length === 1) {
        const isAgreed = override === undefined || references.some(({ registry }) => registry === override.registry);
        if (isAgreed) return { kind: "named", references };
        const names = references.map(sourceKey).join(", ");
        const note = `override ${override.match} is not needed for ${link.repository}:${link.tag}: it is ${names}`;
        return { kind: "named", references, note };
    }
    if (override !== undefined) {
        const named = overriddenReference(override, link.repository, suffixOf(link));
        const chosen = references.filter(({ registry }) => registry === named.registry);
        // A candidate knows the repository where the cache does not (`targetRepo`).
        const isPlain = override.repository === undefined && chosen.length > 0;
        return { kind: "named", references: isPlain ? chosen : [named] };
    }
    return references.length === 0 ? { kind: "unknown", candidates } : { kind: "ambiguous", candidates: fitting };
}

/** One image has one name in each repository: a tag says more than the digest alone. */
function fullest(references: readonly Reference[]): Reference[] {
    const tagged = new Set(references.filter(({ tag }) => tag !== undefined).map(repositoryName));
    return distinct(
        references.filter((reference) => reference.tag !== undefined || !tagged.has(repositoryName(reference))),
    );
}

function suffixOf(link: TagLink): string {
    return digestOfTag(link.tag) === link.digest ? `@${link.digest}` : `:${link.tag}`;
}
