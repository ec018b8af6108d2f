import { basename, normalize } from "node:path";
import { type Lock, lockDigest, parseLock } from "../lock";
import type { ClusterFacts } from "../mirror/cluster-facts";
import type { ImageMark } from "../mirror/image-set";
import type { Override } from "../mirror/override";
import type { Digest } from "../oci/digest";
import { errorMessage, isMissingFile } from "../errors/errors";
import { parseSourceKey, repositoryName } from "../oci/reference";
import { type ArchivePlace, archivePlace } from "./archive-place";
import { excludeIssues, excludePatternIssues } from "./exclude-issues";
import { collectIssue } from "./issues";
import { leftOut } from "./left-out";
import type { ConfigIssue } from "./config-issue";
import type { LockedImages } from "./quota-issues";
import type { ContentDocument } from "./schema";

/** One image set of a site. */
export interface Content {
    /** From the lock file's name; the resource is named after it. */
    readonly name: string;
    readonly archive: readonly string[];
    /** Where the archive is; absent: on this machine. */
    readonly at?: ArchivePlace;
    readonly lock: string;
    readonly lockDigest: Digest;
    /** Upstreams of images that the archive does not name. */
    readonly overrides?: readonly Override[];
    /** Images that this set pushes, and tags it moves to images of earlier sets: source reference -> digest. */
    readonly images: Readonly<Record<string, Digest>>;
    /** Images that it relies on and that an earlier set pushes. */
    readonly earlier: Readonly<Record<string, Digest>>;
    /** By source reference, of `images` and `earlier`: images whose digest is not upstream's. */
    readonly marks: Readonly<Record<string, ImageMark>>;
    /** Children that sparse indexes of the set leave out on purpose. */
    readonly sparse: readonly Digest[];
    /** The same for a validation of all sets together: see `leftOut`. */
    readonly leftOut: readonly string[];
    /** Tags of this set that a later one has moved; their images are kept by digest. */
    readonly superseded: readonly string[];
    /** Of `images`: manifests of something else than an image that runs. Absent: there are none. */
    readonly artifacts?: readonly string[];
    /** What else clusters need, by the sources of the lock: catalogs, releases, signatures. */
    readonly cluster?: ClusterFacts;
}

/** Access to files for reading a site. */
export interface FileReader {
    /** The text of a file, named from the project's root or absolute; may throw. */
    readonly read: (path: string) => string;
    /** The stack that is read for: fixes name it. */
    readonly stack: string;
}

/** Reads the locks of a site's content. `locked` has what is read of each. */
export function readContent(
    documents: readonly ContentDocument[],
    reader: FileReader,
): { content: Content[]; locked: LockedImages[]; issues: ConfigIssue[] } {
    const issues: ConfigIssue[] = [];
    const locks = documents.map((document, i) => readLockText(document, `site.content[${i}].lock`, reader, issues));
    documents.forEach((document, i) => {
        const lock = locks[i];
        if (lock !== undefined) issues.push(...excludeIssues(document, i, lock, reader.stack));
    });
    issues.push(...excludePatternIssues(documents));
    issues.push(...duplicateNameIssues(documents.map(({ lock }) => lock)));
    const tags = new TagOwners(locks);
    const sets = documents.flatMap((document, i) => {
        const lock = locks[i];
        if (lock === undefined) return [];
        const content = createContent(document, lock, tags);
        return [{ lock, images: content.images, content }];
    });
    const content = sets.map((set) => {
        const others = sets.filter((other) => other !== set);
        return { ...set.content, leftOut: leftOut(set, others) };
    });
    return { content, locked: sets, issues };
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
        const fix = `name a file that this user may read, or create it with: npm run -s passthrough -- lock --stack ${stack}`;
        const code = isMissingFile(error) ? "LOCK_NOT_FOUND" : "LOCK_UNREADABLE";
        issues.push({ key, problem: `cannot read the lock file: ${errorMessage(error)}`, fix, code });
        return undefined;
    }
    return collectIssue(key, issues, () => parseLock(text, document.lock));
}

function duplicateNameIssues(paths: readonly string[]): ConfigIssue[] {
    const files = paths.map((path) => normalize(path));
    const names = paths.map(setName);
    return names.flatMap((name, i) => {
        const [first, key] = [names.indexOf(name), `site.content[${i}].lock`];
        if (first === i) return [];
        if (files[first] === files[i]) {
            const fix = "remove one of the two entries; several archives of one set are a list: archive: […]";
            return [{ key, problem: `site.content[${first}] has the same lock file`, fix }];
        }
        const fix = "give each set a lock file with a name of its own";
        return [{ key, problem: `two entries have a lock called ${name}`, fix }];
    });
}

/** Which set has which tag in the end: sets are listed in the order they were created, the last one that names a tag has it. */
class TagOwners {
    private readonly last: ReadonlyMap<string, Digest>;
    private readonly pushed: Set<string>;

    constructor(locks: readonly (Lock | undefined)[]) {
        this.last = new Map(
            locks.flatMap((lock) => [
                ...Object.entries(lock?.earlier.images ?? {}),
                ...Object.entries(lock?.images ?? {}),
            ]),
        );
        this.pushed = new Set(locks.flatMap((lock) => Object.entries(lock?.images ?? {}).map(entryKey)));
    }

    /** Sources whose tag has this digest in the end. */
    isFinal([source, digest]: [string, Digest]): boolean {
        return this.last.get(source) === digest;
    }

    /** Tags that a set moves to an image of an earlier set. Each is claimed by one set only. */
    claimMoved(earlier: Readonly<Record<string, Digest>>): [string, Digest][] {
        const moved = Object.entries(earlier).filter(
            (entry) => this.isFinal(entry) && !this.pushed.has(entryKey(entry)),
        );
        for (const entry of moved) this.pushed.add(entryKey(entry));
        return moved;
    }
}

function entryKey([source, digest]: [string, Digest]): string {
    return `${source} ${digest}`;
}

function createContent(document: ContentDocument, lock: Lock, tags: TagOwners): Omit<Content, "leftOut"> {
    // The same image in two archives is one image.
    const superseded = Object.entries(lock.images).flatMap((entry) => (tags.isFinal(entry) ? [] : [entry[0]]));
    const isSuperseded = new Set(superseded);
    const finalSource = (source: string): string => {
        const digest = lock.images[source];
        return digest === undefined || !isSuperseded.has(source) ? source : digestReference(source, digest);
    };
    const images = Object.entries(lock.images).map(([source, digest]) => [finalSource(source), digest] as const);
    const moved = tags.claimMoved(lock.earlier.images);
    const isMoved = new Set(moved.map(([source]) => source));
    const earlier = Object.entries(lock.earlier.images).filter(
        (entry) => tags.isFinal(entry) && !isMoved.has(entry[0]),
    );
    const marks = Object.entries(lock.marks ?? {}).map(([source, mark]) => [finalSource(source), mark] as const);
    const artifacts = images.flatMap(([source, image]) => (isArtifact(lock, image) ? [source] : []));
    return {
        name: setName(document.lock),
        archive: typeof document.archive === "string" ? [document.archive] : document.archive,
        ...archivePlace(document),
        lock: document.lock,
        lockDigest: lockDigest(lock),
        overrides: document.overrides ?? [],
        images: Object.fromEntries([...images, ...moved]),
        earlier: Object.fromEntries(earlier),
        marks: Object.fromEntries(marks),
        sparse: [...new Set(Object.values(lock.manifests).flatMap(({ absent }) => absent ?? []))].sort(),
        superseded,
        ...(artifacts.length === 0 ? {} : { artifacts }),
        ...(lock.cluster === undefined ? {} : { cluster: lock.cluster }),
    };
}

/**
 * `{}`, which a manifest names in place of a configuration that it does not have (image-spec, "Guidance for an Empty
 * Descriptor").
 */
const NO_CONFIG: Digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

function isArtifact({ manifests }: Lock, digest: Digest): boolean {
    return manifests[digest]?.blobs?.[0] === NO_CONFIG;
}

function digestReference(source: string, digest: Digest): string {
    return `${repositoryName(parseSourceKey(source))}@${digest}`;
}

function setName(lockPath: string): string {
    return basename(lockPath).replace(/(\.lock)?\.json$/, "");
}

/** All sets together: the mark of each image, from the set that contains it. */
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

/** All sets together: source reference -> digest, what they contain and what they rely on. */
export function allImages(content: readonly Content[]): Record<string, Digest> {
    return Object.assign(
        {},
        ...content.map(({ earlier }) => earlier),
        ...content.map(({ images }) => images),
    ) as Record<string, Digest>;
}

/** `host/path` of images that have no upstream: they are pulled only by their name at the mirror. */
export function localRepositories(content: readonly Content[]): ReadonlySet<string> {
    return new Set(
        content.flatMap(({ cluster }) =>
            cluster?.graphImage === undefined ? [] : [repositoryName(parseSourceKey(cluster.graphImage))],
        ),
    );
}
