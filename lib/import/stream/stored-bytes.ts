import { createHash } from "node:crypto";
import { Limiter } from "../../concurrency/limiter";
import type { RegistryClient } from "../../distribution/client/registry-client";
import { RegistryError } from "../../errors/errors";
import type { Digest } from "../../oci/digest";
import { DAMAGED_FIX } from "../verify/stored-blob-reader";

/** Milliseconds until the registry has to answer: the upload that the bytes are for takes a place at the host meanwhile. */
const ANSWER_WITHIN = 60_000;

/** Reads blobs back that a stream has brought into one repository, for another one that they could not be mounted into. */
export class StoredBytes {
    /** Each upload that waits for its bytes takes a place at the host; one at a time leaves places for the reading. */
    private readonly oneAtATime = new Limiter(1);

    constructor(private readonly client: RegistryClient) {}

    /** The blob's bytes, the last of them once they are proven. @throws RegistryError `BLOB_UNKNOWN`, `DIGEST_MISMATCH` */
    async *read(repository: string, digest: Digest): AsyncGenerator<Buffer> {
        let leave!: () => void;
        const left = new Promise<void>((resolve) => (leave = resolve));
        await new Promise<void>((resolve) => {
            void this.oneAtATime.run(() => {
                resolve();
                return left;
            });
        });
        try {
            yield* this.proven(repository, digest);
        } finally {
            leave();
        }
    }

    private async *proven(repository: string, digest: Digest): AsyncGenerator<Buffer> {
        const hash = createHash("sha256");
        let held: Buffer | undefined;
        for await (const chunk of await this.stream(repository, digest)) {
            hash.update(chunk);
            if (held !== undefined) yield held;
            held = chunk;
        }
        const found = `sha256:${hash.digest("hex")}`;
        if (found !== digest)
            throw this.error(repository, digest, `it has other bytes: they hash to ${found}`, "DIGEST_MISMATCH");
        if (held !== undefined) yield held;
    }

    private async stream(repository: string, digest: Digest): Promise<AsyncIterable<Buffer>> {
        let timer: NodeJS.Timeout | undefined;
        const late = new Promise<never>((_, reject) => {
            timer = setTimeout(() => {
                reject(this.error(repository, digest, "the registry lets no request beside the upload", "TIMEOUT"));
            }, ANSWER_WITHIN);
        });
        const asked = this.client.blobGet(repository, digest, true);
        try {
            const stream = await Promise.race([asked, late]);
            if (stream !== undefined) return stream;
        } finally {
            clearTimeout(timer);
        }
        throw this.error(repository, digest, "it was there a moment ago, and is not any more", "BLOB_UNKNOWN");
    }

    private error(repository: string, digest: Digest, what: string, code: RegistryError["code"]): RegistryError {
        return new RegistryError(what, {
            registry: this.client.host,
            operation: `GET ${repository}/blobs/${digest}`,
            thing: `blob ${digest}`,
            code,
            fix: code === "DIGEST_MISMATCH" ? DAMAGED_FIX : "run again",
        });
    }
}
