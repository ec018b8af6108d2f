import { basename } from "node:path";
import { type Lock, lockDigest, parseLock } from "../lock";
import type { ClusterFacts } from "../mirror/cluster-facts";
import type { ImageMark } from "../mirror/image-set";
import type { Digest } from "../oci/digest";
import { errorMessage } from "../errors/errors";
import { parseSourceKey, repositoryName } from "../oci/reference";
import { leftOut } from "./left-out";
import type { ConfigIssue, ContentDocument } from "./schema";

/** One image set of a site. */
export interface Content {
    /** From the lock file's name; the resource is called after it. */
    readonly name: string;
    readonly archive: readonly string[];
    readonly lock: string;
    readonly lockDigest: Digest;
    /**
     * What this set sees to: source reference -> digest. What it brings, and new tags of what an earlier set brought.
     */
    readonly images: Readonly<Record<string, Digest>>;
    /** What it relies on: brought by an earlier set. */
    readonly earlier: Readonly<Record<string, Digest>>;
    /** By source reference, of `images` and `earlier`: images whose digest is not upstream's. */
    readonly marks: Readonly<Record<string, ImageMark>>;
    /** Children that sparse indexes of the set leave out on purpose. */
    readonly sparse: readonly Digest[];
    /** The same for a proof of all sets together: see `leftOut`. */
    readonly leftOut: readonly string[];
    /** Tags of this set that a later one has moved on; their images are kept by digest. */
    readonly superseded: readonly string[];
    /** What clusters need to know of it besides; by the sources of the lock. */
    readonly cluster?: ClusterFacts;
}

/** What reading files needs of the world outside. */
export interface FileReader {
    /** The text of a file, named from the project's root or absolute; may throw. */
    readonly read: (path: string) => string;
    /** The stack that is read for: cures name it. */
    readonly stack: string;
}

/** Reads the locks of a site's content. */
export function readContent(
    documents: readonly ContentDocument[],
    reader: FileReader,
): { content: Content[]; issues: ConfigIssue[] } {
    const issues: ConfigIssue[] = [];
    const locks = documents.map((document, i) => readLockText(document, `site.content[${i}].lock`, reader, issues));
    const names = locks.map((_, i) => nameOf(documents[i]?.lock ?? ""));
    names.forEach((name, i) => {
        if (names.indexOf(name) === i) return;
        issues.push({
            key: `site.content[${i}].lock`,
            problem: `two entries have a lock called ${name}`,
            fix: "give each set a lock file with a name of its own",
        });
    });
    const last = lastDigests(locks);
    const brought = new Set(locks.flatMap((lock) => Object.entries(lock?.images ?? {}).map(named)));
    const sets = documents.flatMap((document, i) => {
        const lock = locks[i];
        if (lock === undefined) return [];
        const content = contentOf(document, lock, last, brought);
        return [{ lock, images: content.images, content }];
    });
    const content = sets.map((set) => {
        const others = sets.filter((other) => other !== set);
        return { ...set.content, leftOut: leftOut(set, others) };
    });
    return { content, issues };
}

function readLockText(
    document: ContentDocument,
    key: string,
    { read, stack }: FileReader,
    issues: ConfigIssue[],
): Lock | undefined {
    let text: string;
    try {
        text = read(document.lock);
    } catch (error) {
        const fix = `make it with: npm run -s passthrough -- lock --stack ${stack}`;
        issues.push({ key, problem: `cannot read the lock file: ${errorMessage(error)}`, fix });
        return undefined;
    }
    try {
        return parseLock(text, document.lock);
    } catch (error) {
        // The lock's own error ends with its cure.
        issues.push({ key, problem: errorMessage(error), fix: "" });
        return undefined;
    }
}

/** The last set that names a source has its tag: sets are listed in the order they were made. */
function lastDigests(locks: readonly (Lock | undefined)[]): Map<string, Digest> {
    return new Map(
        locks.flatMap((lock) => [...Object.entries(lock?.earlier.images ?? {}), ...Object.entries(lock?.images ?? {})]),
    );
}

function named([source, digest]: [string, Digest]): string {
    return `${source} ${digest}`;
}

/** @param brought adds the tags that this set has to put, since no set brings them */
function contentOf(
    document: ContentDocument,
    lock: Lock,
    last: ReadonlyMap<string, Digest>,
    brought: Set<string>,
): Omit<Content, "leftOut"> {
    // The same image in two archives is one image.
    const superseded = Object.keys(lock.images).filter((source) => last.get(source) !== lock.images[source]);
    const moved = new Set(superseded);
    const keyOf = (source: string): string => {
        const digest = lock.images[source];
        return digest === undefined || !moved.has(source) ? source : byDigest(source, digest);
    };
    const images = Object.fromEntries(Object.entries(lock.images).map(([source, digest]) => [keyOf(source), digest]));
    const retagged = Object.entries(lock.earlier.images).filter(
        ([source, digest]) => last.get(source) === digest && !brought.has(named([source, digest])),
    );
    for (const tag of retagged) brought.add(named(tag));
    const ours = new Set(retagged.map(([source]) => source));
    const relied = Object.entries(lock.earlier.images).filter(
        ([source, digest]) => last.get(source) === digest && !ours.has(source),
    );
    const marks = Object.entries(lock.marks ?? {}).map(([source, mark]) => [keyOf(source), mark]);
    return {
        name: nameOf(document.lock),
        archive: typeof document.archive === "string" ? [document.archive] : document.archive,
        lock: document.lock,
        lockDigest: lockDigest(lock),
        images: { ...images, ...Object.fromEntries(retagged) },
        earlier: Object.fromEntries(relied),
        marks: Object.fromEntries(marks) as Record<string, ImageMark>,
        sparse: [...new Set(Object.values(lock.manifests).flatMap(({ absent }) => absent ?? []))].sort(),
        superseded,
        ...(lock.cluster === undefined ? {} : { cluster: lock.cluster }),
    };
}

function byDigest(source: string, digest: Digest): string {
    return `${repositoryName(parseSourceKey(source))}@${digest}`;
}

function nameOf(lockPath: string): string {
    return basename(lockPath).replace(/(\.lock)?\.json$/, "");
}

/** All sets together: the marks of those images, by the set that brings each of them. */
export function allMarks(content: readonly Content[]): Record<string, ImageMark> {
    const marks = new Map<string, ImageMark>();
    const take = (sources: readonly string[], set: Content): void => {
        for (const source of sources) {
            const mark = set.marks[source];
            if (mark === undefined) marks.delete(source);
            else marks.set(source, mark);
        }
    };
    for (const set of content) take(Object.keys(set.earlier), set);
    for (const set of content) take(Object.keys(set.images), set);
    return Object.fromEntries(marks);
}

/** `host/path` of images that have no upstream, so that nothing pulls them but by their place at the mirror. */
export function localRepositories(content: readonly Content[]): ReadonlySet<string> {
    return new Set(
        content.flatMap(({ cluster }) =>
            cluster?.graphImage === undefined ? [] : [repositoryName(parseSourceKey(cluster.graphImage))],
        ),
    );
}
