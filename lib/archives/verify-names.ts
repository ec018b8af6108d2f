import { ArchiveError } from "../errors/errors";
import type { NamedProblem } from "../errors/problem";
import { listed, oneLine } from "../errors/text";
import type { Lock } from "../lock";
import type { NameSource } from "../mirror/name-source";
import type { Override } from "../mirror/override";
import { type Digest, isDigest } from "../oci/digest";
import { canonicalRegistry, parseSourceKey } from "../oci/reference";
import type { Archive, ArchiveContents } from "./archive";

/** What a comparison of names found. */
export interface NameVerification {
    /** Images that the lock names otherwise than the archive does. */
    readonly problems: readonly NamedProblem[];
    /** Why the names could not be compared. */
    readonly note?: string;
}

/**
 * Compares the names of a lock with those that the archive gives its images, by the rules of its format. A lock is a text
 * that is edited and merged: with the digests of two images swapped, each of them would be imported under the name of the
 * other. What a lock says about overrides (`nameSources`) is for reviewers: names come from those of the configuration.
 * @param configured the overrides of the set; undefined: they are not known, and names that the lock ascribes to an
 * override are not compared
 */
export async function verifyNames(
    archive: Archive,
    lock: Lock,
    configured?: readonly Override[],
): Promise<NameVerification> {
    const contents = await archive.contents(configured ?? lockedOverrides(lock)).catch((error: unknown) => {
        if (error instanceof ArchiveError && error.code === "ARCHIVE_NAMES_UNRESOLVED") return oneLine(error.problem);
        throw error;
    });
    if (typeof contents === "string") {
        const problems = configured === undefined ? [] : unknownOverrides(lock, configured);
        return { problems, note: `the names of the lock file could not be compared with the archive: ${contents}` };
    }
    const names = namesByDigest(contents);
    const locked = { ...lock.earlier.images, ...lock.images };
    const problems = Object.entries(locked).flatMap(([source, digest]) => {
        const isOverridden = lock.nameSources?.[source]?.from === "override";
        if (isOverridden && configured === undefined) return [];
        const problem =
            nameProblem(source, digest, contents, names) ??
            (isOverridden && !isNamed(source, contents) ? NO_OVERRIDE : undefined);
        return problem === undefined ? [] : [difference(source, problem)];
    });
    return { problems };
}

const NO_OVERRIDE = "the lock file has this name from an override, and no override of the configuration gives it";

function isNamed(source: string, { images, earlierImages }: ArchiveContents): boolean {
    return images.has(source) || earlierImages.has(source);
}

/** Where the archive needs other overrides than those of the configuration: names that none of these can have given. */
function unknownOverrides({ nameSources = {} }: Lock, configured: readonly Override[]): NamedProblem[] {
    return Object.entries(nameSources)
        .filter(
            ([source, { from, where }]) =>
                from === "override" && !configured.some((each) => mayGive(each, source, where)),
        )
        .map(([source]) => difference(source, NO_OVERRIDE));
}

function mayGive({ match, ...given }: Override, source: string, where: string | undefined): boolean {
    const { registry, repository, tag } = parseSourceKey(source);
    const isSamePlace =
        canonicalRegistry(given.registry) === registry && (given.repository ?? repository) === repository;
    return match === where && isSamePlace && (given.tag ?? tag) === tag;
}

/** The overrides that gave names of the lock, each for the one image that it named. */
function lockedOverrides({ nameSources = {} }: Lock): Override[] {
    return Object.entries(nameSources).flatMap(([source, named]) =>
        named.from === "override" ? overridesFor(source, named) : [],
    );
}

/** An override of the digest is the only one that an image has whose own name gives another digest. */
function overridesFor(source: string, { name, where = "" }: NameSource): Override[] {
    const { registry, repository, tag } = parseSourceKey(source);
    const matches = [name, ...(isDigest(where) ? [where] : [])];
    return matches.map((match) => ({ match, registry, repository, ...(tag === undefined ? {} : { tag }) }));
}

function namesByDigest({ images, earlierImages }: ArchiveContents): ReadonlyMap<Digest, readonly string[]> {
    const names = new Map<Digest, string[]>();
    for (const [source, digest] of [...earlierImages, ...images])
        names.set(digest, [...(names.get(digest) ?? []), source]);
    return names;
}

const MAX_NAMES = 3;

/** What the archive says instead; undefined if it agrees, or has no name for the image at all. */
function nameProblem(
    source: string,
    digest: Digest,
    { images, earlierImages }: ArchiveContents,
    names: ReadonlyMap<Digest, readonly string[]>,
): string | undefined {
    const actual = images.get(source) ?? earlierImages.get(source);
    if (actual === digest) return undefined;
    const others = names.get(digest) ?? [];
    if (actual === undefined && others.length === 0) return undefined;
    const called = others.length === 0 ? "" : `, which the archive names ${listed(others, MAX_NAMES)}`;
    const is = actual === undefined ? "the archive has no image of this name" : `in the archive it is ${actual}`;
    return `in the lock file it is ${digest}${called}; ${is}`;
}

function difference(name: string, problem: string): NamedProblem {
    return { name, kind: "image", problem: { code: "ARCHIVE_LOCK_MISMATCH", problem } };
}
