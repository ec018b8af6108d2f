import type { RegistryClient } from "../distribution/client/registry-client";
import type { Digest } from "../oci/digest";

/** Pushes small blobs from memory, as far as the repository does not have them. */
export async function pushBlobs(
    client: RegistryClient,
    blobs: ReadonlyMap<Digest, Buffer>,
    repository: string,
): Promise<void> {
    for (const [digest, bytes] of blobs) {
        if ((await client.blobHead(repository, digest)) !== undefined) continue;
        await client.retrying(async () => {
            const begun = await client.uploads.start(repository, digest);
            if (begun.mounted) return;
            await client.uploads.put(repository, digest, begun.location, bytes.length, () => once(bytes));
        });
    }
}

async function* once(bytes: Buffer): AsyncIterable<Uint8Array> {
    yield bytes;
}
