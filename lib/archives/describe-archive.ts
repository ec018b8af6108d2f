import type { EarlierObject, ManifestFacts } from "../mirror/image-set";
import { type Digest, isDigest } from "../oci/digest";
import { ArchiveError } from "../errors/errors";
import { type Descriptor, type Manifest, parseManifest } from "../oci/manifest";
import { isIndexMediaType } from "../oci/media-types";
import { markNotes } from "../mirror/image-marks";
import { parseSourceKey } from "../oci/reference";
import type { Archive, ArchiveContents } from "./archive";
import { COPY_AGAIN } from "./files/archive-file";
import type { Lock } from "../lock";
import { someFacts } from "../lock/lock-cluster";
import { namesUnresolved } from "./naming/name-problem";
import type { Override } from "../mirror/override";
import { unusedMatch } from "./naming/override";

/** A lock and what its reader should know besides, as sentences. */
export interface ArchiveDescription {
    readonly lock: Lock;
    readonly notes: readonly string[];
}

/**
 * Builds the lock of an archive: names its images and reads every manifest they reach; no other blob is read.
 * @param onUnused told of overrides that were of no use where the description then fails
 * @throws ArchiveError `ARCHIVE_NAMES_UNRESOLVED`, `ARCHIVE_INCOMPLETE` (neither here nor brought earlier),
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
        for (const note of contents.notes) if (unusedMatch(note) !== undefined) onUnused(note);
        throw error;
    }
}

async function described(archive: Archive, contents: ArchiveContents): Promise<ArchiveDescription> {
    const marks = sorted(contents.marks ?? new Map());
    requireTags(archive, contents, Object.keys(marks));
    const walk = new ContentWalk(archive, contents);
    for (const [image, digest] of [...contents.images].sort(([a], [b]) => (a < b ? -1 : 1)))
        await walk.image(image, digest);
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
    return { lock, notes: [...contents.notes, ...walk.notes, ...markNotes(marks)] };
}

/** A digest that is not upstream's is no name: nobody pulls by it. */
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

class ContentWalk {
    readonly manifests = new Map<Digest, ManifestFacts>();
    readonly blobs = new Map<Digest, number>();
    readonly earlierManifests = new Map<Digest, EarlierObject>();
    readonly earlierBlobs = new Map<Digest, EarlierObject>();
    readonly notes: string[] = [];
    readonly #archive: Archive;
    readonly #contents: ArchiveContents;

    constructor(archive: Archive, contents: ArchiveContents) {
        this.#archive = archive;
        this.#contents = contents;
    }

    async image(image: string, digest: Digest): Promise<void> {
        if (this.#archive.source.size(digest) === undefined) throw this.#incomplete(image, digest, "its manifest");
        await this.#manifest(image, digest);
    }

    async #manifest(image: string, digest: Digest): Promise<void> {
        if (this.manifests.has(digest)) return;
        const { source } = this.#archive;
        const bytes = await source.read(digest);
        const manifest = parseManifest(bytes, source.place(digest));
        const common = { mediaType: manifest.mediaType, size: bytes.length };
        if (isIndexMediaType(manifest.mediaType)) {
            this.manifests.set(digest, { ...common, ...(await this.#children(image, manifest)) });
        } else {
            this.manifests.set(digest, { ...common, blobs: this.#blobsOf(image, manifest) });
        }
    }

    async #children(image: string, index: Manifest): Promise<Pick<ManifestFacts, "manifests" | "absent">> {
        const manifests: Digest[] = [];
        const absent: Digest[] = [];
        for (const child of onePerDigest(index.manifests)) {
            const where = this.#find(image, child);
            if (where === undefined) absent.push(child.digest);
            else manifests.push(child.digest);
            if (where === "here") await this.#manifest(image, child.digest);
            else if (where !== undefined) this.earlierManifests.set(child.digest, where);
        }
        if (absent.length === 0) return { manifests };
        // A wanted selection of platforms keeps at least one.
        if (manifests.length === 0)
            throw this.#incomplete(image, absent[0] ?? "", "every manifest of its index, among them");
        this.notes.push(`${image}: of its index, ${absent.length} manifests are left out (a selection of platforms)`);
        return { manifests, absent };
    }

    #blobsOf(image: string, manifest: Manifest): Digest[] {
        return onePerDigest(manifest.blobs).flatMap((blob) => {
            const where = this.#find(image, blob);
            if (where === "here") this.blobs.set(blob.digest, blob.size);
            else if (where !== undefined) this.earlierBlobs.set(blob.digest, where);
            else if (!isForeign(blob)) throw this.#incomplete(image, blob.digest, "its blob");
            else {
                this.notes.push(`${image}: layer ${blob.digest} is not distributable and not in the archive`);
                return [];
            }
            return [blob.digest];
        });
    }

    #find(image: string, { digest, size }: Descriptor): "here" | EarlierObject | undefined {
        const { source } = this.#archive;
        if (!isDigest(digest)) {
            const what = `image ${image} names ${digest}: only sha256 is carried by every registry`;
            throw new ArchiveError(what, { archive: this.#archive.label, code: "ARCHIVE_DIGEST_UNSUPPORTED" });
        }
        const held = source.size(digest);
        if (held === undefined) {
            const from = this.#contents.earlierRepositories(digest);
            return from === undefined ? undefined : { size, from };
        }
        if (held === size) return "here";
        const what = `${source.place(digest)} has ${held} bytes, image ${image} says ${size}`;
        throw new ArchiveError(what, { archive: this.#archive.label, code: "ARCHIVE_SIZE_MISMATCH", fix: COPY_AGAIN });
    }

    #incomplete(image: string, digest: Digest, what: string): ArchiveError {
        const text = `image ${image} lacks ${what} ${digest}: it is neither in this archive nor in the history of earlier ones`;
        return new ArchiveError(text, {
            archive: this.#archive.label,
            code: "ARCHIVE_INCOMPLETE",
            fix: "copy all parts of the archive again from the connected side, or mirror the content again",
        });
    }
}

function onePerDigest(descriptors: readonly Descriptor[]): Descriptor[] {
    const seen = new Set<Digest>();
    return descriptors.filter(({ digest }) => !seen.has(digest) && seen.add(digest));
}

/** Layers that their licence keeps from being pushed anywhere (image-spec, layer.md, "Non-Distributable Layers"). */
function isForeign({ mediaType }: Descriptor): boolean {
    return mediaType.includes("foreign") || mediaType.includes("nondistributable");
}

function sorted<T>(entries: ReadonlyMap<string, T>): Record<string, T> {
    const record: Record<string, T> = {};
    for (const key of [...entries.keys()].sort()) {
        const value = entries.get(key);
        if (value !== undefined) record[key] = value;
    }
    return record;
}
