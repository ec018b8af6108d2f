import type { RegistryClient } from "../../distribution/client/registry-client";
import { type MirrorBase, mirrorReference } from "../../mirror/mirror-reference";
import { parseSourceKey } from "../../oci/reference";
import type { RunnableDigests, UnsignedRelease } from "../../openshift";
import { signatureTag } from "../../signatures";

/**
 * The releases whose signatures the mirror lacks, too: a signature may be there that no image set of the site brought.
 * @param releases without a signature in the site's image sets
 * @throws RegistryError if the registry could not be asked: that is no statement about signatures
 */
export async function findUnsignedReleases(
    client: RegistryClient,
    mirror: MirrorBase,
    releases: readonly UnsignedRelease[],
    runnable: RunnableDigests,
): Promise<UnsignedRelease[]> {
    const unsigned = await Promise.all(
        releases.map(async (release) => {
            const { repository } = mirrorReference(mirror, parseSourceKey(release.image));
            const tags = runnable(release.digest).map(signatureTag);
            const found = await Promise.all(tags.map((tag) => client.manifestHead(repository, tag)));
            return found.every((digest) => digest !== undefined) ? [] : [release];
        }),
    );
    return unsigned.flat();
}
