import type { ImageMark } from "../../mirror/image-set";
import { joinFacts } from "../../mirror/cluster-facts";
import type { NameSource } from "../../mirror/name-source";
import type { Digest } from "../../oci/digest";
import type { Archive, ArchiveContents } from "../archive";
import { takenNames } from "../naming/image-names";
import { CombinedSource } from "../files/combined-source";
import { type NameProblem, NamesUnresolved, type TakenNames, namesUnresolved } from "../naming/name-problem";
import type { Override } from "../../mirror/override";
import { unusedInAll } from "../naming/override";

/**
 * Several archives as one set, of whichever formats: an image that two of them have is one image, a blob is read from
 * the first that holds it.
 */
export function combineArchives(label: string, archives: readonly Archive[]): Archive {
    const [first] = archives;
    if (first !== undefined && archives.length === 1) return first;
    const formats = new Set(archives.map(({ format }) => format));
    return {
        format: formats.size === 1 && first !== undefined ? first.format : "mixed",
        label,
        parts: joinParts(archives),
        warnings: [...new Set(archives.flatMap(({ warnings }) => warnings))],
        source: new CombinedSource(
            label,
            archives.map((archive) => archive.source),
        ),
        contents: (overrides) => combinedContents(label, archives, overrides),
        close: async () => void (await Promise.all(archives.map((archive) => archive.close()))),
    };
}

/** Archives that lie in one file, as many `dir:` layouts in one tar, share it. */
function joinParts(archives: readonly Archive[]): Archive["parts"] {
    const parts = [...new Set(archives.flatMap(({ parts: own }) => own))];
    return parts.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.size - b.size));
}

async function combinedContents(
    label: string,
    archives: readonly Archive[],
    overrides: readonly Override[],
): Promise<ArchiveContents> {
    const found = await namedContents(label, archives, overrides);
    const all = found.map(({ contents }) => contents);
    const problems: NameProblem[] = [];
    const images = union(found, ({ images: own }) => own, problems);
    const earlier = union(found, ({ earlierImages }) => earlierImages, []);
    for (const source of images.keys()) earlier.delete(source);
    const cluster = joinFacts(all.flatMap((contents) => contents.cluster ?? []));
    if (problems.length > 0)
        throw namesUnresolved(label, problems, "make them two sets, each with the path of its own archive");
    return {
        images,
        nameSources: joinNameSources(all, images, earlier),
        marks: joinMarks(all, images),
        earlierImages: earlier,
        absent: [...new Set(all.flatMap(({ absent }) => absent))]
            .filter((source) => !images.has(source) && !earlier.has(source))
            .sort(),
        ...(cluster === undefined ? {} : { cluster }),
        notes: [...new Set(all.flatMap(({ notes }) => notes))],
        unusedOverrides: unusedInAll(all.map(({ unusedOverrides }) => unusedOverrides)),
        earlierRepositories: (digest) => {
            const known = all
                .map((contents) => contents.earlierRepositories(digest))
                .filter((from) => from !== undefined);
            return known.length === 0 ? undefined : [...new Set(known.flat())].sort();
        },
    };
}

/** @throws NamesUnresolved with the names of all archives that need a decision */
async function namedContents(label: string, archives: readonly Archive[], overrides: readonly Override[]) {
    const found: { archive: Archive; contents: ArchiveContents }[] = [];
    const unresolved: NamesUnresolved[] = [];
    for (const archive of archives) {
        try {
            found.push({ archive, contents: await archive.contents(overrides) });
        } catch (error) {
            if (!(error instanceof NamesUnresolved)) throw error;
            unresolved.push(error);
        }
    }
    const [first] = unresolved;
    if (first === undefined) return found;
    const unused = first.unused.filter(
        ({ match }) =>
            unresolved.every((other) => other.unused.some((override) => override.match === match)) &&
            found.every(({ contents }) => contents.unusedOverrides.includes(match)),
    );
    const hints = [...new Set(unresolved.map(({ hint }) => hint))].join("; or ");
    const named = found.map(({ contents }) => takenNames(contents));
    throw namesUnresolved(
        label,
        withoutSharedMatches(unresolved, named),
        hints,
        unused,
        joinTaken([...unresolved.map(({ taken }) => taken), ...named]),
    );
}

/** An override for a whole repository means that of every archive: where two have it, each image gets its own. */
function withoutSharedMatches(unresolved: readonly NamesUnresolved[], named: readonly TakenNames[]): NameProblem[] {
    const repositories = [
        ...unresolved.map(({ names, taken }) => [...names.map(({ name }) => name), ...taken.keys()]),
        ...named.map((taken) => [...taken.keys()]),
    ].map((names) => new Set(names.map((name) => name.replace(/[:@].*$/, ""))));
    const isShared = (match: string): boolean => repositories.filter((own) => own.has(match)).length > 1;
    return unresolved
        .flatMap(({ names }) => names)
        .map((problem) =>
            problem.match !== undefined && isShared(problem.match) ? { ...problem, match: problem.name } : problem,
        );
}

function joinTaken(all: readonly TakenNames[]): TakenNames {
    const joined = new Map<string, Set<Digest>>();
    for (const [name, digests] of all.flatMap((taken) => [...taken]))
        joined.set(name, new Set([...(joined.get(name) ?? []), ...digests]));
    return joined;
}

function union(
    found: readonly { archive: Archive; contents: ArchiveContents }[],
    read: (contents: ArchiveContents) => ReadonlyMap<string, Digest>,
    problems: NameProblem[],
): Map<string, Digest> {
    const named = new Map<string, { digest: Digest; archive: Archive }>();
    for (const { archive, contents } of found) {
        for (const [name, digest] of read(contents)) {
            const known = named.get(name);
            if (known === undefined) named.set(name, { digest, archive });
            else if (known.digest !== digest) {
                const what = `in ${archive.label}, but in ${known.archive.label} the same name is ${known.digest}`;
                problems.push({ name, digest, what, candidates: [] });
            }
        }
    }
    return new Map([...named].map(([name, { digest }]) => [name, digest]));
}

/** Of several archives with one image, the first says where its name was found. */
function joinNameSources(
    all: readonly ArchiveContents[],
    images: ReadonlyMap<string, Digest>,
    earlier: ReadonlyMap<string, Digest>,
): Map<string, NameSource> {
    const sources = new Map<string, NameSource>();
    for (const { nameSources, images: own } of all) {
        for (const [name, source] of nameSources) {
            const isThere = images.has(name) ? own.has(name) : earlier.has(name);
            if (isThere && !sources.has(name)) sources.set(name, source);
        }
    }
    return sources;
}

/** Where one archive kept what another lost, the digest is upstream's. */
function joinMarks(all: readonly ArchiveContents[], images: ReadonlyMap<string, Digest>): Map<string, ImageMark> {
    const marks = new Map(all.flatMap((contents) => [...(contents.marks ?? [])]));
    for (const { images: own, marks: ownMarks } of all) {
        for (const [name, digest] of own) if (images.get(name) === digest && !ownMarks?.has(name)) marks.delete(name);
    }
    return marks;
}
