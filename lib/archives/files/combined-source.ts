import { Readable } from "node:stream";
import type { BlobSource } from "../../mirror/image-set";
import type { Digest } from "../../oci/digest";
import { ArchiveError } from "../../errors/errors";
import type { ArchivePlace } from "../../errors/problem";

/** Several sources as one: a blob is read from the first that holds it. */
export class CombinedSource implements BlobSource {
    readonly #label: string;
    readonly #sources: readonly BlobSource[];

    constructor(label: string, sources: readonly BlobSource[]) {
        this.#label = label;
        this.#sources = sources;
    }

    size(digest: Digest): number | undefined {
        return this.#holder(digest)?.size(digest);
    }

    read(digest: Digest): Promise<Buffer> {
        return this.#requireHolder(digest).read(digest);
    }

    open(digest: Digest, start?: number, allocate?: (size: number) => Buffer): Readable {
        return this.#requireHolder(digest).open(digest, start, allocate);
    }

    place(digest: Digest): ArchivePlace {
        return this.#holder(digest)?.place(digest) ?? { archive: this.#label };
    }

    #holder(digest: Digest): BlobSource | undefined {
        return this.#sources.find((source) => source.size(digest) !== undefined);
    }

    #requireHolder(digest: Digest): BlobSource {
        const holder = this.#holder(digest);
        if (holder !== undefined) return holder;
        throw new ArchiveError(`it does not hold ${digest}`, { archive: this.#label, code: "ARCHIVE_BLOB_MISSING" });
    }
}

/** Manifests that are kept in memory, since no archive holds their bytes. */
export class MadeManifests implements BlobSource {
    readonly #manifests: ReadonlyMap<Digest, Buffer>;
    readonly #place: ArchivePlace;

    /** @param place of the file that they are made from, for errors */
    constructor(manifests: ReadonlyMap<Digest, Buffer>, place: ArchivePlace) {
        this.#manifests = manifests;
        this.#place = place;
    }

    size(digest: Digest): number | undefined {
        return this.#manifests.get(digest)?.length;
    }

    async read(digest: Digest): Promise<Buffer> {
        return this.#requireBytes(digest);
    }

    /** In their own memory: nothing is read. */
    open(digest: Digest, start = 0): Readable {
        return Readable.from([this.#requireBytes(digest).subarray(start)], { objectMode: false });
    }

    place(): ArchivePlace {
        return this.#place;
    }

    #requireBytes(digest: Digest): Buffer {
        const bytes = this.#manifests.get(digest);
        if (bytes !== undefined) return bytes;
        throw new ArchiveError(`it does not hold ${digest}`, { ...this.#place, code: "ARCHIVE_BLOB_MISSING" });
    }
}
