import { createHash } from "node:crypto";
import { Limiter } from "../../concurrency/limiter";
import type { RegistryClient } from "../../distribution/client/registry-client";
import { RegistryError } from "../../errors/errors";
import type { Digest } from "../../oci/digest";
import { DAMAGED_FIX } from "../verify/stored-blob-reader";

/** Milliseconds until the registry has to answer: the upload that the bytes are for has a connection that idles meanwhile. */
const ANSWER_WITHIN = 60_000;

/** Reads blobs back that a stream has brought into one repository, for another one that they could not be mounted into. */
export class StoredBytes {
    /** What is read goes beside what the host is known to put up with. */
    private readonly oneAtATime = new Limiter(1);

    constructor(private readonly client: RegistryClient) {}

    /** Runs an upload that reads with `read`. It waits here, where it has neither a connection nor a place at the host. */
    inTurn<T>(upload: () => Promise<T>): Promise<T> {
        return this.oneAtATime.run(upload);
    }

    /**
     * The blob's bytes, the last of them once they are proven.
     * @throws RegistryError `BLOB_UNKNOWN`, `DIGEST_MISMATCH`, `TIMEOUT`
     */
    async *read(repository: string, digest: Digest): AsyncGenerator<Buffer> {
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
        const late = new AbortController();
        const timer = setTimeout(() => {
            const what = `no answer in ${ANSWER_WITHIN / 1000} s, while an upload waits for the bytes`;
            late.abort(this.error(repository, digest, what, "TIMEOUT"));
        }, ANSWER_WITHIN);
        try {
            const stream = await this.client.blobGetForUpload(repository, digest, late.signal);
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
