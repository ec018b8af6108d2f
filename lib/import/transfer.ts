import type { BlobSource } from "../oci/content";
import type { Digest } from "../oci/digest";
import { RegistryError } from "../oci/errors";
import type { RegistryClient, UploadStart } from "../oci/registry-client";
import { isRetryable } from "../oci/retry";
import type { BlobTask } from "./plan";
import type { BlobReader, VerifiedBlob } from "./verified-pieces";

/** What came of a blob. */
export type TransferOutcome = "mounted" | "uploaded" | "present";

/** A mount that the plan counted on and the registry did not do: the blob's bytes were sent. */
export interface RefusedMount {
    readonly repository: string;
    readonly digest: Digest;
    /** Bytes. */
    readonly size: number;
    readonly from: string;
}

/** What a transfer tells while it goes on. */
export interface TransferWatch {
    /**
     * Payload bytes that were sent.
     * @param fresh those that got further than any attempt before; the others are `repeated`
     */
    sent(fresh: number, repeated: number): void;
    mountRefused(mount: RefusedMount): void;
}

/**
 * Brings one blob into its repository: mounted if the plan says so and the registry agrees, else sent with one PUT,
 * straight from its place in the archive. A transfer that breaks begins anew with a new upload; what the registry got
 * of the broken one is given up.
 * @throws PassthroughError `ARCHIVE_CORRUPT` if the archive's bytes are not the blob; RegistryError
 */
export async function transferBlob(
    client: RegistryClient,
    source: BlobSource,
    reader: BlobReader,
    blob: BlobTask,
    watch: TransferWatch,
): Promise<TransferOutcome> {
    const begun = await begin(client, blob);
    if (begun.mounted) return "mounted";
    if (source.size(blob.digest) === undefined) {
        await client.uploadCancel(blob.repository, begun.location);
        throw refusedMount(blob);
    }
    const { repository, digest, size, mountFrom } = blob;
    if (mountFrom !== undefined) watch.mountRefused({ repository, digest, size, from: mountFrom });
    let furthest = 0;
    let location: URL | undefined = begun.location;
    const transfer = client.retrying(async () => {
        // A lost answer may hide a success.
        if (location === undefined && (await client.blobHead(repository, digest)) === size) return "present";
        const upload = location ?? (await newUpload(client, blob));
        location = undefined;
        let body: VerifiedBlob | undefined;
        const pieces = () => {
            let reached = 0;
            body = reader.open(blob);
            return body.pieces((sent) => {
                const fresh = Math.max(0, sent - Math.max(reached, furthest));
                watch.sent(fresh, sent - reached - fresh);
                reached = sent;
                furthest = Math.max(furthest, sent);
            });
        };
        try {
            await client.uploadPut(repository, digest, upload, size, pieces);
            body?.arrived();
            return "uploaded";
        } catch (error) {
            await client.uploadCancel(repository, upload);
            throw error;
        }
    });
    return transfer.finally(() => (location === undefined ? undefined : client.uploadCancel(repository, location)));
}

/** A registry that refuses the mount with an error may still take the bytes. */
async function begin(client: RegistryClient, { repository, digest, mountFrom }: BlobTask): Promise<UploadStart> {
    if (mountFrom === undefined) return client.uploadStart(repository, digest);
    try {
        return await client.uploadStart(repository, digest, mountFrom);
    } catch (error) {
        // Harbor answers 401 to the whole POST if the account may not pull from there; others 400, 403, 404 or 405.
        const isRefusal = error instanceof RegistryError && error.status !== undefined && !isRetryable(error);
        if (!isRefusal) throw error;
        return client.uploadStart(repository, digest);
    }
}

async function newUpload(client: RegistryClient, blob: BlobTask): Promise<URL> {
    const begun = await client.uploadStart(blob.repository, blob.digest);
    if (begun.mounted)
        throw new RegistryError(`POST ${blob.repository}`, "mounted unasked", { code: "UNEXPECTED_ANSWER" });
    return begun.location;
}

function refusedMount(blob: BlobTask): RegistryError {
    return new RegistryError(
        `POST ${blob.repository}/blobs/uploads`,
        `the registry does not mount ${blob.digest} from ${blob.mountFrom ?? "another repository"}, and this archive does not hold it`,
        { code: "BLOB_MOUNT_REFUSED", cure: "import the earlier archive again, then this one" },
    );
}
