import type { RegistryClient } from "../../distribution/client/registry-client";
import { RegistryError } from "../../errors/errors";
import { counted, listed } from "../../errors/text";
import type { Manifest } from "../../oci/manifest";
import { isIndexMediaType } from "../../oci/media-types";

const MOST_NAMED = 5;

/**
 * Why an image was rejected for missing blobs (`MANIFEST_BLOB_UNKNOWN`) although each of them was there or was sent: looks
 * for them once more.
 * @returns other errors unchanged
 */
export async function explainMissingBlobs(
    client: RegistryClient,
    repository: string,
    manifest: Manifest,
    error: unknown,
): Promise<unknown> {
    if (!(error instanceof RegistryError) || error.code !== "MANIFEST_BLOB_UNKNOWN") return error;
    if (isIndexMediaType(manifest.mediaType)) return error;
    const found = await Promise.all(
        manifest.blobs.map(async ({ digest }) =>
            (await client.blobHead(repository, digest)) === undefined ? digest : [],
        ),
    );
    const missing = found.flat();
    const { operation, status, registryCode } = error;
    const facts = { registry: client.host, operation, status, registryCode, code: error.code, cause: error };
    if (missing.length > 0) {
        const what = `${counted(missing.length, "blob")} of the image ${missing.length === 1 ? "is" : "are"} missing`;
        return new RegistryError(
            `${what}, although they were sent or had been found before: ${listed(missing, MOST_NAMED)}`,
            {
                ...facts,
                fix: "run again: they are sent again; if it repeats, look at the storage of the registry and at its garbage collection",
            },
        );
    }
    return new RegistryError("the registry has every blob of the image, and rejects the image as if it had not", {
        ...facts,
        fix:
            "if the registry has several instances, let them share their storage and their cache (distribution: " +
            "storage.cache with redis), or let the load balancer send all requests of a client to one of them",
    });
}
