import { createHash } from "node:crypto";
import type { Digest } from "../../oci/digest";
import { Limiter } from "../../concurrency/limiter";
import type { Descriptor } from "../../oci/manifest";
import { once } from "../../concurrency/once";
import type { RegistryClient } from "../../distribution/client/registry-client";

/** What came of reading a blob. */
export interface BlobReading {
    /** Bytes that came, retries left out. */
    readonly bytes: number;
    /** What is wrong with them. */
    readonly problem?: string;
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

    /** @param onBytes told of every piece that came */
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
        const stream = await this.client.blobGet(repository, digest);
        if (stream === undefined) {
            return { bytes: 0, problem: `blob ${digest} is there when asked for (HEAD), but not when fetched (GET)` };
        }
        const hash = createHash("sha256");
        let bytes = 0;
        for await (const chunk of stream) {
            hash.update(chunk);
            bytes += chunk.length;
            this.onBytes(chunk.length);
            // What is too long is wrong already, and may have no end.
            if (bytes > size) return { bytes, problem: `blob ${digest} has more than its ${size} bytes${DAMAGED}` };
        }
        if (bytes < size) return { bytes, problem: `blob ${digest} has ${bytes} bytes instead of ${size}${DAMAGED}` };
        const found = `sha256:${hash.digest("hex")}`;
        if (found === digest) return { bytes };
        return { bytes, problem: `blob ${digest} has other bytes: they hash to ${found}${DAMAGED}` };
    }
}

/** Registries keep the file of a blob that they think they have: sending it again, or deleting the blob first, mends nothing. */
export const DAMAGED = ": delete its damaged file in the registry's storage, then run again";
