import type { Digest } from "../oci/digest";
import { ArchiveError } from "../oci/errors";

/** A name in an archive that does not lead to exactly one upstream. */
export interface NameProblem {
    /** The name in the archive: `<cache repository>:<tag>`, a `ref.name`, or a digest. */
    readonly name: string;
    readonly digest: Digest;
    /** "no upstream name is known", "several upstreams are possible", … */
    readonly what: string;
    /** Source references that would fit. */
    readonly candidates: readonly string[];
    /** What to write as `match` of an override; undefined if no override can cure it. */
    readonly match?: string;
    /** What the override has to give beside the registry, since the archive's name does not have it. */
    readonly needs?: readonly ("repository" | "tag")[];
}

/** An error lists this many names, and the count of the others. */
const LISTED = 100;

/**
 * All names of an archive that need a decision, as one error: each with its digest and candidates, and the overrides
 * that would settle them.
 */
export function namesUnresolved(archive: string, problems: readonly NameProblem[], hint: string): ArchiveError {
    const shown = problems.slice(0, LISTED).map(({ name, digest, what, candidates }) => {
        const listed = candidates.length === 0 ? "" : `: ${candidates.join(", ")}`;
        return `\n  ${name} (${digest}): ${what}${listed}`;
    });
    const more = problems.length > LISTED ? `\n  and ${problems.length - LISTED} more` : "";
    const count = problems.length === 1 ? "1 name has" : `${problems.length} names have`;
    return new ArchiveError(`${count} no single upstream:${shown.join("")}${more}\n`, {
        archive,
        code: "ARCHIVE_NAMES_UNRESOLVED",
        cure: cureOf(problems, hint),
    });
}

function cureOf(problems: readonly NameProblem[], hint: string): string {
    const overrides = problems.flatMap(({ match, needs = [] }) => {
        if (match === undefined) return [];
        const places = ["registry: <upstream host>", ...needs.map((key) => `${key}: <${key} there>`)];
        return [`\n    - {match: ${JSON.stringify(match)}, ${places.join(", ")}}`];
    });
    if (overrides.length === 0) return hint;
    const lines = [...new Set(overrides)].slice(0, LISTED).join("");
    return (
        "say in the config where they come from (and repository: <path>, if it is another one there):" +
        `\n  overrides:${lines}\n  (with lock ARCHIVE: --override "MATCH=HOST[/REPOSITORY[:TAG]]")\n  or ${hint}`
    );
}
