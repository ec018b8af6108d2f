import { oneLine } from "../errors/text";
import { markNotes } from "../mirror/image-marks";
import { parseSourceKey } from "../oci/reference";
import type { Archive, ArchiveContents } from "./archive";
import { ContentWalk } from "./content-walk";
import type { Lock } from "../lock";
import { someFacts } from "../lock/lock-cluster";
import { namesUnresolved } from "./naming/name-problem";
import type { Override } from "../mirror/override";
import { unusedNote } from "./naming/override";

/** A lock and what its reader should know besides, as sentences. */
export interface ArchiveDescription {
    readonly lock: Lock;
    readonly notes: readonly string[];
}

/**
 * Builds the lock of an archive: names its images and reads every manifest they reach; no other blob is read.
 * @param onUnused called with a note for each unused override if the description then fails
 * @throws ArchiveError `ARCHIVE_NAMES_UNRESOLVED`, `ARCHIVE_INCOMPLETE` (neither here nor in an earlier archive),
 * `ARCHIVE_SIZE_MISMATCH`, `ARCHIVE_DIGEST_MISMATCH`, `ARCHIVE_DIGEST_UNSUPPORTED`; PassthroughError `MANIFEST_INVALID`
 */
export async function describeArchive(
    archive: Archive,
    overrides: readonly Override[],
    onUnused: (note: string) => void = () => undefined,
): Promise<ArchiveDescription> {
    const contents = await archive.contents(overrides);
    try {
        return await described(archive, contents);
    } catch (error) {
        for (const match of contents.unusedOverrides) onUnused(oneLine(unusedNote(match)));
        throw error;
    }
}

async function described(archive: Archive, contents: ArchiveContents): Promise<ArchiveDescription> {
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
        ...someFacts(contents.cluster),
        nameSources: sorted(contents.nameSources),
    };
    const unused = contents.unusedOverrides.map(unusedNote);
    const notes = [...contents.notes, ...unused, ...walk.notes(images), ...markNotes(marks)];
    return { lock, notes: notes.map(oneLine) };
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
