import { type Reference, formatReference, repositoryName } from "../../../oci/reference";
import { digestOfTag } from "./cache-name";
import type { Digest } from "../../../oci/digest";
import { distinct } from "../../naming/image-names";
import type { NameProblem } from "../../naming/name-problem";
import type { Candidate } from "./candidate";
import type { TagLink } from "./cache-index";
import type { Override } from "../../../mirror/override";
import { overriddenReference } from "../../naming/override";
import { type NamedInArchive, ruleOn } from "../../naming/override-rule";
import type { TagContest } from "./tag-contest";

/** A tag whose names are known. */
export type NamedTag = Extract<TagVerdict, { kind: "named" }>;

/** What is known about the upstream of a tag of the cache. */
export type TagVerdict =
    | {
          readonly kind: "named";
          readonly references: readonly Reference[];
          /** What the archive calls the image, where that does not hold: an override has replaced it. */
          readonly replaced: readonly Reference[];
          /** What the archive calls the image, where it holds. */
          readonly confirmed: readonly Reference[];
          /** The override that gives the names, in whole or in part. */
          readonly by?: Override;
          /** The subject whose names they are. */
          readonly inheritedFrom?: Digest;
          readonly note?: string;
      }
    /** Its candidates, if any, have other digests. */
    | { readonly kind: "unknown"; readonly candidates: readonly Candidate[] }
    | { readonly kind: "ambiguous"; readonly candidates: readonly Candidate[] }
    /** Another image may have taken the tag. */
    | { readonly kind: "contested"; readonly candidates: readonly Candidate[]; readonly contest: TagContest }
    /** An override says something else than the archive. */
    | {
          readonly kind: "disputed";
          readonly candidates: readonly Candidate[];
          readonly problem: Omit<NameProblem, "digest">;
      }
    /** The tag stands for another digest than the one it points to. */
    | { readonly kind: "converted" };

/**
 * Which upstream a tag link comes from. A candidate counts if it has no digest, or that of the link; one with a digest
 * is certain, and several of them are one image under several names. Several without one are several images of which
 * the cache kept the last, as are one and an image that the archive does not name: only an override decides.
 * @param candidates those whose cache name is this tag's
 * @param override the first that matches the tag
 * @param contest looks whether another image may have taken the tag
 */
export function judgeTag(
    link: TagLink,
    candidates: readonly Candidate[],
    override: Override | undefined,
    contest: () => TagContest | undefined,
): TagVerdict {
    const name = `${link.repository}:${link.tag}`;
    const fitting = candidates.filter(({ reference }) => (reference.digest ?? link.digest) === link.digest);
    const isOfOther = (digestOfTag(link.tag) ?? link.digest) !== link.digest;
    // An upstream may use such a tag for reasons of its own.
    if (isOfOther && !fitting.some(({ reference }) => reference.tag === link.tag)) return { kind: "converted" };
    const certain = fitting.filter(({ reference }) => reference.digest !== undefined);
    const isProven = certain.length > 0;
    const references = fullest((isProven ? certain : fitting).map(({ reference }) => reference));
    if (references.length === 0 && override === undefined) return { kind: "unknown", candidates };
    if (!isProven && references.length > 1 && override === undefined) return { kind: "ambiguous", candidates: fitting };
    const contested = isProven ? undefined : contest();
    if (contested !== undefined && override === undefined) {
        return { kind: "contested", candidates: fitting, contest: contested };
    }
    if (override !== undefined && (contested !== undefined || (!isProven && references.length !== 1))) {
        return decided(link, references, override, contested);
    }
    return ruledTag({ name, references, isProven }, override, fitting);
}

/** The verdict on a tag that the archive names, where an override may speak of it. */
export function ruledTag(
    image: NamedInArchive,
    override: Override | undefined,
    candidates: readonly Candidate[] = [],
): TagVerdict {
    const ruling = ruleOn(image, override);
    if (ruling.kind === "open") return { kind: "disputed", candidates, problem: ruling.problem };
    return { ...ruling, confirmed: ruling.replaced.length > 0 ? [] : image.references };
}

/** True if what is open about a tag is which of its candidates it is. */
export function hasQuestion(
    verdict: TagVerdict,
): verdict is Extract<TagVerdict, { kind: "ambiguous" | "contested" | "disputed" }> {
    return verdict.kind === "ambiguous" || verdict.kind === "contested" || verdict.kind === "disputed";
}

/** What an override says of a tag that the archive does not settle. */
function decided(
    link: TagLink,
    references: readonly Reference[],
    override: Override,
    contest: TagContest | undefined,
): TagVerdict {
    const named = overriddenReference(override, link.repository, referenceSuffix(link));
    const chosen = references.filter(({ registry }) => registry === named.registry);
    // A candidate knows the repository where the cache does not (`targetRepo`).
    const isPlain = override.repository === undefined && chosen.length > 0;
    const names = isPlain ? chosen.map((reference) => withTag(reference, override.tag)) : [named];
    const replaced = references.filter((reference) => !names.includes(reference));
    const verdict = { kind: "named", references: names, replaced, confirmed: names, by: override } as const;
    if (contest === undefined || contest.digests.length === 0 || references.length === 0) return verdict;
    const name = `${link.repository}:${link.tag} is ${names.map(formatReference).join(", ")} by its override`;
    return { ...verdict, note: `${name}; the tag has pointed to ${contest.digests.join(", ")} too` };
}

function withTag(reference: Reference, tag: string | undefined): Reference {
    return tag === undefined ? reference : { ...reference, tag };
}

/** One image has one name in each repository: a tag says more than the digest alone. */
function fullest(references: readonly Reference[]): Reference[] {
    const tagged = new Set(references.filter(({ tag }) => tag !== undefined).map(repositoryName));
    return distinct(
        references.filter((reference) => reference.tag !== undefined || !tagged.has(repositoryName(reference))),
    );
}

function referenceSuffix(link: TagLink): string {
    return digestOfTag(link.tag) === link.digest ? `@${link.digest}` : `:${link.tag}`;
}
