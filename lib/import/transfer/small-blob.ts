import { debug } from "../../debug/debug";
import type { RegistryClient } from "../../distribution/client/registry-client";
import type { BlobTask } from "../plan/plan";
import type { BlobReader, VerifiedBlob } from "./verified-pieces";

/** What became of a blob that one request was to store. */
export type SmallBlobOutcome =
    | { readonly done: "uploaded" | "present" }
    /** An upload that the registry began instead; absent: it has none yet. */
    | { readonly done?: never; readonly begun?: URL };

/**
 * Sends a blob with one request, if it is small and the registry may take that (`SinglePosts`).
 * @param sent called with its bytes once they are stored; what the registry left of them is sent again and does not count
 * @throws PassthroughError `ARCHIVE_DIGEST_MISMATCH` if the archive's bytes are not the blob; RegistryError
 */
export async function postSmallBlob(
    client: RegistryClient,
    reader: BlobReader,
    blob: BlobTask,
    sent: (bytes: number) => void,
): Promise<SmallBlobOutcome> {
    const { repository, digest, size } = blob;
    if (!client.uploads.mayPost(size)) return {};
    let isRepeated = false;
    return client.retrying(async () => {
        // A lost answer may hide a success.
        if (isRepeated && (await client.blobHead(repository, digest, "assumed")) === size) {
            sent(size);
            return { done: "present" };
        }
        isRepeated = true;
        let read: VerifiedBlob | undefined;
        const body = () => {
            read?.broke();
            return (read = reader.open(blob)).pieces(() => undefined);
        };
        const outcome = await client.uploads.post({ repository, digest, size, body }).catch((error: unknown) => {
            read?.broke();
            throw error;
        });
        read?.arrived();
        if (outcome === undefined) return {};
        if (!outcome.isStored) return { begun: outcome.location };
        sent(size);
        debug("transfer", () => `${repository}/blobs/${digest}: ${size} bytes with one request`);
        return { done: "uploaded" };
    });
}
