import { createHash } from "node:crypto";
import type { ErrorCode } from "../../errors/codes";
import type { Problem } from "../../errors/problem";
import type { Digest } from "../../oci/digest";
import { Limiter } from "../../concurrency/limiter";
import type { Descriptor } from "../../oci/manifest";
import { once } from "../../concurrency/once";
import type { RegistryClient } from "../../distribution/client/registry-client";

/** The result of reading a blob. */
export interface BlobReading {
    /** Bytes that were received, without retries. */
    readonly bytes: number;
    /** What is wrong with them. */
    readonly problem?: Problem;
}

/** Whole blobs stream gigabytes: a few at a time keep the disk busy and the memory small. */
const STREAMS_AT_ONCE = 4;

/**
 * Reads blobs back from the registry and hashes them, in constant memory. Each is read once, from the first repository
 * that asks: registries store a blob once, however many repositories have it.
 */
export class StoredBlobReader {
    private readonly readings = new Map<Digest, Promise<BlobReading>>();
    private readonly streams = new Limiter(STREAMS_AT_ONCE);

    /** @param onBytes called for every piece that was read */
    constructor(
        private readonly client: RegistryClient,
        private readonly onBytes: (bytes: number) => void,
    ) {}

    /** @returns the bytes only to who asked first. @throws RegistryError if the blob cannot be read: no verdict */
    async read(repository: string, blob: Descriptor): Promise<BlobReading> {
        const isFirst = !this.readings.has(blob.digest);
        const reading = await once(this.readings, blob.digest, () =>
            this.streams.run(() => this.client.retrying(() => this.hash(repository, blob))),
        );
        return isFirst ? reading : { ...reading, bytes: 0 };
    }

    private async hash(repository: string, { digest, size }: Descriptor): Promise<BlobReading> {
        const about = { thing: `blob ${repository}@${digest}`, place: { registry: this.client.host } };
        const stream = await this.client.blobGet(repository, digest);
        if (stream === undefined) {
            const problem = "it exists by HEAD, but cannot be read by GET";
            return { bytes: 0, problem: { ...about, code: "BLOB_UNKNOWN", problem, fix: DAMAGED_FIX } };
        }
        const damaged = (code: ErrorCode, problem: string) => ({ ...about, code, problem, fix: DAMAGED_FIX });
        const hash = createHash("sha256");
        let bytes = 0;
        for await (const chunk of stream) {
            hash.update(chunk);
            bytes += chunk.length;
            this.onBytes(chunk.length);
            // What is too long is wrong already, and may have no end.
            if (bytes > size) return { bytes, problem: damaged("SIZE_MISMATCH", `it has more than its ${size} bytes`) };
        }
        if (bytes < size)
            return { bytes, problem: damaged("SIZE_MISMATCH", `it has ${bytes} bytes instead of ${size}`) };
        const found = `sha256:${hash.digest("hex")}`;
        if (found === digest) return { bytes };
        return { bytes, problem: damaged("DIGEST_MISMATCH", `it has other bytes: they hash to ${found}`) };
    }
}

/** Registries keep the file of a blob that they think they have: sending it again, or deleting the blob first, repairs nothing. */
export const DAMAGED_FIX = "delete its damaged file in the registry's storage, then run again";
