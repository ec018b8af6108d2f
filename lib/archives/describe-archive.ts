import { markNotes } from "../mirror/image-marks";
import { parseSourceKey } from "../oci/reference";
import type { Archive, ArchiveContents } from "./archive";
import { ContentWalk } from "./content-walk";
import type { Lock } from "../lock";
import { someFacts } from "../lock/lock-cluster";
import { namesUnresolved } from "./naming/name-problem";
import type { Override } from "../mirror/override";
import { excludeImages } from "./excluded-images";
import type { ExcludePattern } from "../mirror/exclusions";
import { unusedNote } from "./naming/override";
import type { Digest } from "../oci/digest";
import { ArchiveError } from "../errors/errors";
import { counted, firstLines, listed, oneLine, printable } from "../errors/text";

/** A note names this many images. */
const NAMED = 20;

/** A lock and what its reader should know besides, as sentences. */
export interface ArchiveDescription {
    readonly lock: Lock;
    readonly notes: readonly string[];
}

export interface DescribeOptions {
    /** Images to leave out. */
    readonly exclude?: readonly ExcludePattern[];
    /** Called with a note for each override and exclude pattern without effect if the description then fails. */
    readonly onUnused?: (note: string) => void;
}

/**
 * Builds the lock of an archive: names its images and reads every manifest they reach; no other blob is read. Images that
 * are left out are not read, so they may be incomplete.
 * @throws ArchiveError `ARCHIVE_NAMES_UNRESOLVED`, `ARCHIVE_INCOMPLETE` (neither here nor in an earlier archive, or no
 * image at all),
 * `ARCHIVE_SIZE_MISMATCH`, `ARCHIVE_DIGEST_MISMATCH`, `ARCHIVE_DIGEST_UNSUPPORTED`; PassthroughError `MANIFEST_INVALID`
 */
export async function describeArchive(
    archive: Archive,
    overrides: readonly Override[],
    { exclude = [], onUnused }: DescribeOptions = {},
): Promise<ArchiveDescription> {
    const named = await archive.contents(overrides);
    if (named.images.size + named.earlierImages.size === 0) throw noImages(archive, named);
    const { contents, excluded, unused } = await excludeImages(named, archive.source, exclude);
    const notes = [...contents.unusedOverrides.map(unusedNote), ...unused.map(unusedPatternNote)];
    try {
        const { lock, notes: others } = await described(archive, contents, excluded);
        const all = [...contents.notes, ...notes, ...others, ...containedNotes(lock, named.images)];
        return { lock, notes: all.map(oneLine) };
    } catch (error) {
        if (onUnused !== undefined) notes.forEach((note) => onUnused(oneLine(note)));
        throw error;
    }
}

/** A copy that failed may leave such an archive; locked, every image of the set before it would be removed. */
function noImages({ label }: Archive, { absent, notes }: ArchiveContents): ArchiveError {
    const requested = absent.length === 0 ? "" : `, and ${counted(absent.length, "image")} were requested`;
    const why = notes.length === 0 ? "" : ` (${firstLines(notes.map(oneLine), NAMED).join("; ")})`;
    return new ArchiveError(`it has no image${requested}${why}`, {
        archive: label,
        code: "ARCHIVE_INCOMPLETE",
        fix: "copy the images again, and look for errors of the tool that wrote the archive",
    });
}

function unusedPatternNote({ key, pattern }: ExcludePattern): string {
    const whole = "patterns are compared with the whole name, as in quay.io/org/app:1.0";
    return `${key}: ${printable(pattern)} matches no image; ${whole}`;
}

/** Images that are left out, but that are part of an index that is not. */
function containedNotes({ excluded = {}, images, manifests }: Lock, named: ReadonlyMap<string, Digest>): string[] {
    const roots = new Set(Object.values(images));
    const contained = Object.keys(excluded).filter((image) => {
        const digest = named.get(image);
        return digest !== undefined && manifests[digest] !== undefined && !roots.has(digest);
    });
    if (contained.length === 0) return [];
    const which = contained.length === 1 ? "1 excluded image is" : `${contained.length} excluded images are`;
    return [`${which} part of an image that is not excluded, and sent with it: ${listed(contained, NAMED)}`];
}

async function described(
    archive: Archive,
    contents: ArchiveContents,
    excluded: ReadonlyMap<string, string>,
): Promise<ArchiveDescription> {
    const marks = sorted(contents.marks ?? new Map());
    requireTags(archive, contents, Object.keys(marks));
    const walk = new ContentWalk(archive, contents);
    const images = [...contents.images].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [image, digest] of images) await walk.read(image, digest);
    walk.requireWhole(images);
    const lock: Lock = {
        lockVersion: 1,
        format: archive.format,
        parts: archive.parts,
        images: sorted(contents.images),
        ...(Object.keys(marks).length === 0 ? {} : { marks }),
        manifests: sorted(walk.manifests),
        blobs: sorted(walk.blobs),
        earlier: {
            images: sorted(contents.earlierImages),
            manifests: sorted(walk.earlierManifests),
            blobs: sorted(walk.earlierBlobs),
        },
        absent: contents.absent,
        ...(excluded.size === 0 ? {} : { excluded: sorted(excluded) }),
        ...someFacts(contents.cluster),
        nameSources: sorted(contents.nameSources),
    };
    return { lock, notes: [...walk.notes(images), ...markNotes(marks)] };
}

/** A digest that is not upstream's is no name: no pull asks for it. */
function requireTags(archive: Archive, { images }: ArchiveContents, marked: readonly string[]): void {
    const problems = marked
        .filter((source) => parseSourceKey(source).tag === undefined)
        .map((source) => ({
            name: source,
            digest: images.get(source) ?? "",
            what: "its digest here is not upstream's, and it has no tag",
            candidates: [],
        }));
    if (problems.length > 0) throw namesUnresolved(archive.label, problems, "save the image under a tag");
}

function sorted<T>(entries: ReadonlyMap<string, T>): Record<string, T> {
    const record: Record<string, T> = {};
    for (const key of [...entries.keys()].sort()) {
        const value = entries.get(key);
        if (value !== undefined) record[key] = value;
    }
    return record;
}
