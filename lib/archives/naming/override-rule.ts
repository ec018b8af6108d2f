import { type Reference, formatReference, repositoryName, sourceKey } from "../../oci/reference";
import { distinct } from "./image-names";
import type { NameProblem } from "./name-problem";
import type { Override } from "../../mirror/override";
import { isExact, overriddenReference } from "./override";

/** An image that the archive itself names. */
export interface NamedInArchive {
    /** What the archive calls it: an override with just this `match` means no other image. */
    readonly name: string;
    /** Its upstream names; at least one. */
    readonly references: readonly Reference[];
    /** The archive gives a name together with a digest, and the image has that digest. */
    readonly isProven: boolean;
}

/** What holds for such an image where an override speaks of it too. */
export type Ruling =
    | {
          readonly kind: "named";
          readonly references: readonly Reference[];
          /** The override that gives the names, in whole or in part. */
          readonly by?: Override;
          /** Names of the archive that do not hold any more. */
          readonly replaced: readonly Reference[];
          readonly note?: string;
      }
    | { readonly kind: "open"; readonly problem: Omit<NameProblem, "digest"> };

const NARROW = "make the pattern of the override match fewer names";

/**
 * Compares an override with the names that the archive gives an image. One that says the same changes nothing, one that
 * adds a tag where there is none completes the name. One that says something else replaces a name that is not proven, if
 * it has no wildcards; all others are questions to the reader.
 */
export function ruleOn(image: NamedInArchive, override: Override | undefined): Ruling {
    const { references } = image;
    const kept = { kind: "named", references, replaced: [] } as const;
    if (override === undefined) return kept;
    const given = references.map((reference) =>
        overriddenReference(override, reference.repository, referenceSuffix(reference)),
    );
    if (references.some((reference, at) => isSame(reference, given[at]))) return kept;
    const completed = references.map((reference, at) => (isCompleted(reference, given[at]) ? given[at] : reference));
    if (completed.some((reference, at) => reference !== references[at]))
        return { ...kept, references: completed, by: override };
    if (image.isProven) return { kind: "open", problem: contradiction(image, override, given) };
    if (!isExact(override)) return { kind: "open", problem: question(image, override, given) };
    const names = distinct(given);
    const note = `${image.name} is ${listed(names)} by its override; the archive says ${listed(references)}`;
    return { kind: "named", references: names, by: override, replaced: references, note };
}

function referenceSuffix({ tag, digest }: Reference): string {
    return tag === undefined ? `@${digest ?? ""}` : `:${tag}`;
}

function isSame(reference: Reference, given: Reference | undefined): boolean {
    return given !== undefined && sourceKey(given) === sourceKey(reference);
}

function isCompleted(reference: Reference, given: Reference | undefined): given is Reference {
    return given !== undefined && reference.tag === undefined && repositoryName(given) === repositoryName(reference);
}

function contradiction(
    { name, references }: NamedInArchive,
    { match }: Override,
    given: readonly Reference[],
): Omit<NameProblem, "digest"> {
    return {
        name,
        what: `the archive proves by digest that it is ${listed(references)}, the override ${match} says ${listed(given)}`,
        candidates: [],
        match: name,
        registries: references.slice(0, 1).map(({ registry }) => registry),
        before: match,
        hint: NARROW,
    };
}

function question(
    { name, references }: NamedInArchive,
    { match }: Override,
    given: readonly Reference[],
): Omit<NameProblem, "digest"> {
    return {
        name,
        what: `the archive names it, and the pattern of the override ${match} gives it another name`,
        candidates: distinct([...references, ...given]).map(formatReference),
        match: name,
        registries: [...new Set([...references, ...given].map(({ registry }) => registry))],
        before: match,
        hint: NARROW,
    };
}

function listed(references: readonly Reference[]): string {
    return distinct(references).map(formatReference).join(", ");
}
