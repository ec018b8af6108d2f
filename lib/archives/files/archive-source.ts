import { Readable } from "node:stream";
import type { BlobSource } from "../../mirror/image-set";
import { type Digest, computeDigest } from "../../oci/digest";
import type { ErrorCode } from "../../errors/codes";
import { ArchiveError } from "../../errors/errors";
import type { ArchivePlace } from "../../errors/problem";
import { MAX_MANIFEST_BYTES } from "../../oci/manifest";
import { COPY_AGAIN, type LentFile } from "./archive-file";

/** Where the bytes of a blob lie. */
export interface BlobLocation {
    readonly file: BlobFile;
    readonly offset: number;
    /** Bytes. */
    readonly size: number;
}

/** Where blobs lie, by digest: a map, or what follows from their names. */
export interface BlobLocations {
    get(digest: Digest): BlobLocation | undefined;
}

/** What a blob is read from: a part that stays open, or a file of a folder that is opened for each reading. */
export interface BlobFile {
    readonly path: string;
    lend(): Promise<LentFile>;
}

/** Bytes per read and per chunk of a stream. */
const CHUNK_BYTES = 1024 * 1024;

/** The blobs of an archive, wherever in its files they lie. */
export class ArchiveSource implements BlobSource {
    readonly #label: string;
    readonly #blobs: BlobLocations;
    readonly #entryName: (digest: Digest) => string | undefined;

    /**
     * @param label the archive as a whole, for errors about what it lacks
     * @param entryName the name of a blob's entry; undefined where the file itself is the blob
     */
    constructor(label: string, blobs: BlobLocations, entryName: (digest: Digest) => string | undefined) {
        this.#label = label;
        this.#blobs = blobs;
        this.#entryName = entryName;
    }

    size(digest: Digest): number | undefined {
        return this.#blobs.get(digest)?.size;
    }

    async read(digest: Digest): Promise<Buffer> {
        const { file, offset, size } = this.#locate(digest);
        if (size > MAX_MANIFEST_BYTES) {
            const what = `${size} bytes are more than a manifest or config may have (${MAX_MANIFEST_BYTES})`;
            throw this.#invalidBlob(digest, what, "ARCHIVE_TOO_LARGE");
        }
        const bytes = Buffer.allocUnsafeSlow(size);
        const lent = await file.lend();
        await lent.file.readInto(bytes, offset, this.#entryName(digest)).finally(() => lent.release());
        const actual = computeDigest(bytes);
        if (actual === digest) return bytes;
        throw this.#invalidBlob(digest, `the bytes are ${actual}, not ${digest}`, "ARCHIVE_DIGEST_MISMATCH");
    }

    open(digest: Digest, start = 0, allocate?: (size: number) => Buffer): Readable {
        const location = this.#locate(digest);
        if (start < 0 || start > location.size) {
            throw this.#invalidBlob(digest, `byte ${start} is outside its ${location.size} bytes`, "ARCHIVE_TRUNCATED");
        }
        return Readable.from(readChunks(location, start, this.#entryName(digest), allocate), {
            objectMode: false,
            // One piece ahead, whatever its size: several would be copied into one.
            highWaterMark: 1,
        });
    }

    place(digest: Digest): ArchivePlace {
        const location = this.#blobs.get(digest);
        if (location === undefined) return { archive: this.#label };
        const { file, offset } = location;
        const entry = this.#entryName(digest);
        return { archive: file.path, ...(entry === undefined ? {} : { entry, offset }) };
    }

    #locate(digest: Digest): BlobLocation {
        const location = this.#blobs.get(digest);
        if (location !== undefined) return location;
        throw new ArchiveError(`it does not hold ${digest}`, { archive: this.#label, code: "ARCHIVE_BLOB_MISSING" });
    }

    #invalidBlob(digest: Digest, what: string, code: ErrorCode): ArchiveError {
        return new ArchiveError(what, { ...this.place(digest), code, fix: COPY_AGAIN });
    }
}

/**
 * The bytes of a location from `start` on, in pieces.
 * @param allocate memory for up to so many bytes, at least one
 * @throws ArchiveError as `ArchiveFile.readInto` does
 */
export async function* readChunks(
    location: BlobLocation,
    start: number,
    entry: string | undefined,
    allocate: (size: number) => Buffer = Buffer.allocUnsafeSlow,
): AsyncGenerator<Buffer> {
    const lent = await location.file.lend();
    try {
        const end = location.offset + location.size;
        let at = location.offset + start;
        while (at < end) {
            const chunk = allocate(Math.min(CHUNK_BYTES, end - at));
            await lent.file.readInto(chunk, at, entry);
            at += chunk.length;
            yield chunk;
        }
    } finally {
        await lent.release();
    }
}
