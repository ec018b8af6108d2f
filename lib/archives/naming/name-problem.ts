import type { Digest } from "../../oci/digest";
import { ArchiveError } from "../../errors/errors";
import { escaped, printable, quoted } from "../../errors/text";
import type { Override } from "../../mirror/override";

/** A name in an archive that does not lead to exactly one upstream. */
export interface NameProblem {
    /** The name in the archive: `<cache repository>:<tag>`, a `ref.name`, or a digest. */
    readonly name: string;
    readonly digest: Digest;
    /** "no upstream name is known", "several upstreams are possible", … */
    readonly what: string;
    /** Source references that would fit. */
    readonly candidates: readonly string[];
    /** What to write as `match` of an override; undefined if no override can fix it. */
    readonly match?: string;
    /** Every `match` without wildcards that means this image, the best first: the first that means no other is offered. */
    readonly spellings?: readonly string[];
    /** What the override has to give beside the registry, since the archive's name does not have it. */
    readonly needs?: readonly ("repository" | "tag")[];
    /** The archive has no tag for it: an override may give one, or else its digest is all that it is known by. */
    readonly isTagless?: boolean;
    /** The upstream host to write in the override, where it is known, or those to choose from. */
    readonly registries?: readonly string[];
    /** The `match` of an override that has to come behind the one to write, since the first that matches counts. */
    readonly before?: string;
    /** What else the reader could do; instead of what holds for all names of the archive. */
    readonly hint?: string;
}

/** An error lists this many names, and the count of the others. */
const LISTED = 100;

/** What an archive calls its named images, and which of them. */
export type TakenNames = ReadonlyMap<string, ReadonlySet<Digest>>;

/** Names of an archive that need a decision; several archives of a set become one error. */
export class NamesUnresolved extends ArchiveError {
    constructor(
        what: string,
        facts: { readonly archive: string; readonly fix: string },
        readonly names: readonly NameProblem[],
        readonly hint: string,
        readonly unused: readonly Override[],
        readonly taken: TakenNames,
    ) {
        super(what, { ...facts, code: "ARCHIVE_NAMES_UNRESOLVED", isMultiline: true });
    }
}

/**
 * All names of an archive that need a decision, as one error: each with its digest and candidates, and the overrides
 * that would settle them.
 * @param unused overrides that have matched nothing here: most often typing errors, and so the cause
 * @param taken what the archive calls images that have a name: an override for these would rename them
 */
export function namesUnresolved(
    archive: string,
    problems: readonly NameProblem[],
    hint: string,
    unused: readonly Override[] = [],
    taken: TakenNames = new Map(),
): NamesUnresolved {
    const shown = problems.slice(0, LISTED).map(({ name, digest, what, candidates }) => {
        const listed = candidates.length === 0 ? "" : `: ${candidates.map(printable).join(", ")}`;
        return `\n  ${printable(name)} (${digest}): ${escaped(what)}${listed}`;
    });
    const more = problems.length > LISTED ? `\n  and ${problems.length - LISTED} more` : "";
    const count = problems.length === 1 ? "1 name has" : `${problems.length} names have`;
    const useless = unused.map(({ match }) => `\n  override ${printable(match)} has matched nothing so far`).join("");
    const what = `${count} no single upstream:${shown.join("")}${more}${useless}`;
    const fix = fixFor(withOwnMatches(problems, taken), hint);
    return new NamesUnresolved(what, { archive, fix }, problems, hint, unused, taken);
}

/** Each problem with a `match` that means it alone, save those that one for a whole repository settles. */
function withOwnMatches(problems: readonly NameProblem[], taken: TakenNames): NameProblem[] {
    const meanings = new Map<string, number>();
    for (const spelling of problems.flatMap(({ spellings = [] }) => [...new Set(spellings)]))
        meanings.set(spelling, (meanings.get(spelling) ?? 0) + 1);
    return problems.map((problem) => {
        const { match = "", spellings = [], digest } = problem;
        if (!spellings.includes(match)) return problem;
        const isOwn = (spelling: string): boolean =>
            meanings.get(spelling) === 1 && [...(taken.get(spelling) ?? [])].every((other) => other === digest);
        return { ...problem, match: spellings.find(isOwn) ?? match };
    });
}

function fixFor(problems: readonly NameProblem[], hint: string): string {
    const overrides = [...new Set(problems.flatMap(overrideFor))];
    const hints = [...new Set(problems.map((problem) => problem.hint ?? hint))].join("; or ");
    if (overrides.length === 0) return hints;
    const more = overrides.length > LISTED ? `\n    # and ${overrides.length - LISTED} more` : "";
    const lines = overrides.slice(0, LISTED).join("") + more;
    const tagless = problems.some(({ match, isTagless }) => match !== undefined && isTagless === true)
        ? "\n  (without tag an image that has none here is known by its digest only)"
        : "";
    return (
        "say in the config where they come from (and repository: <path>, if it is another one there):" +
        `\n  overrides:${lines}${tagless}\n  (with lock ARCHIVE: --override "MATCH=HOST[/REPOSITORY[:TAG]]")\n  or ${hints}`
    );
}

/** Quoted: YAML reads a tag like 1.0 as a number. */
function placeToFill(key: "repository" | "tag"): string {
    return `${key}: "<${key} there>"`;
}

function overrideFor({ match, needs = [], isTagless, registries = [], before }: NameProblem): string[] {
    if (match === undefined) return [];
    const keys = [...needs, ...(isTagless === true ? (["tag"] as const) : [])];
    const [host = "<upstream host>"] = registries.length > 1 ? [`<${registries.join(" or ")}>`] : registries;
    const places = [`registry: ${host}`, ...keys.map(placeToFill)];
    const order = before === undefined ? "" : ` # before ${quoted(before)}: the first that matches counts`;
    return [`\n    - {match: ${quoted(match)}, ${places.join(", ")}}${order}`];
}
