import type { Readable } from "node:stream";
import type { BlobSource } from "../../../mirror/image-set";
import type { Digest } from "../../../oci/digest";
import { ArchiveError } from "../../../errors/errors";
import type { ArchivePlace } from "../../../errors/problem";
import { type Descriptor, parseManifest } from "../../../oci/manifest";
import { isIndexMediaType, isManifestMediaType } from "../../../oci/media-types";

const CONTAINERD_NAME = "io.containerd.image.name";

/**
 * containerd, and so Docker with its store, exports an index whole and skips the platforms that were never pulled: of
 * such a child the manifest may be there, but none of its blobs (core/images/archive/exporter.go, `WithSkipMissing`).
 * Such children count as absent. Layouts of others are left as they are: there a blob that lacks is damage.
 */
export async function completeImages(source: BlobSource, entries: readonly Descriptor[]): Promise<BlobSource> {
    const exported = entries.filter(({ annotations }) => annotations?.[CONTAINERD_NAME] !== undefined);
    const hollow = new Set<Digest>();
    const seen = new Set<Digest>();
    for (const { digest } of exported) await findHollow(source, digest, hollow, seen);
    return hollow.size === 0 ? source : new CompleteImages(source, hollow);
}

/**
 * Looks at the children of an index, not at the image that was asked for itself.
 * @param seen indexes that were looked at: there are more ways through nested ones than anybody could walk
 */
async function findHollow(source: BlobSource, index: Digest, hollow: Set<Digest>, seen: Set<Digest>): Promise<void> {
    if (seen.has(index) || source.size(index) === undefined) return;
    seen.add(index);
    const { mediaType, manifests } = parseManifest(await source.read(index), { place: source.place(index) });
    if (!isIndexMediaType(mediaType)) return;
    for (const child of manifests.filter((found) => isManifestMediaType(found.mediaType))) {
        if (source.size(child.digest) === undefined) continue;
        if (isIndexMediaType(child.mediaType)) await findHollow(source, child.digest, hollow, seen);
        else {
            const { blobs } = parseManifest(await source.read(child.digest), { place: source.place(child.digest) });
            if (blobs.some(({ digest }) => source.size(digest) === undefined)) hollow.add(child.digest);
        }
    }
}

class CompleteImages implements BlobSource {
    readonly #source: BlobSource;
    readonly #hollow: ReadonlySet<Digest>;

    constructor(source: BlobSource, hollow: ReadonlySet<Digest>) {
        this.#source = source;
        this.#hollow = hollow;
    }

    size(digest: Digest): number | undefined {
        return this.#hollow.has(digest) ? undefined : this.#source.size(digest);
    }

    read(digest: Digest): Promise<Buffer> {
        if (!this.#hollow.has(digest)) return this.#source.read(digest);
        return Promise.reject(
            new ArchiveError("the blobs of this manifest were left out when the image was exported", {
                ...this.place(digest),
                code: "ARCHIVE_BLOB_MISSING",
            }),
        );
    }

    open(digest: Digest, start?: number, allocate?: (size: number) => Buffer): Readable {
        return this.#source.open(digest, start, allocate);
    }

    place(digest: Digest): ArchivePlace {
        return this.#source.place(digest) ?? { archive: "" };
    }
}
