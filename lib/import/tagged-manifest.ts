import type { RegistryClient } from "../distribution/client/registry-client";
import { RegistryError } from "../errors/errors";
import type { Digest } from "../oci/digest";

/**
 * Deletes a manifest by its digest, and with it the tags that point to it (distribution-spec, "Deleting Manifests"). Some
 * registries leave the tags (`crane registry serve`), others reject the deletion as long as there are any (Google Artifact
 * Registry): those tags are deleted one by one. A tag that points to something else by now stays.
 * @param tags all that are known to point to it
 */
export async function deleteTagged(
    client: RegistryClient,
    repository: string,
    digest: Digest,
    tags: readonly string[],
): Promise<void> {
    try {
        await client.manifestDelete(repository, digest);
    } catch (error) {
        if (!isStillTagged(error)) throw error;
        await deleteTags(client, repository, digest, tags);
        await client.manifestDelete(repository, digest);
        return;
    }
    await deleteTags(client, repository, digest, tags);
}

async function deleteTags(client: RegistryClient, repository: string, digest: Digest, tags: readonly string[]) {
    for (const tag of tags) {
        if ((await client.manifestHead(repository, tag)) === digest) await client.manifestDelete(repository, tag);
    }
}

function isStillTagged(error: unknown): boolean {
    return error instanceof RegistryError && error.registryCode === "GOOGLE_MANIFEST_DANGLING_TAG";
}
