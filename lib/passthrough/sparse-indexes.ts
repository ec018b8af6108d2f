import type { RegistryClient } from "../distribution/client/registry-client";
import type { Lock } from "../lock";
import { isIndexMediaType } from "../oci/media-types";
import { type RegistryKind, registryAdmin } from "../registries";

/**
 * True if the registry would refuse the set's indexes whose children are not all there: known before anything is sent, by
 * its kind or by its own announcement. The registry is asked only if the set has such an index.
 * @throws RegistryError if it cannot be asked
 */
export async function refusesSparseIndexes(
    client: RegistryClient,
    kind: RegistryKind,
    { manifests }: Pick<Lock, "manifests">,
): Promise<boolean> {
    const { sparseIndexes } = registryAdmin(kind).capabilities;
    const hasOne = Object.values(manifests).some(
        ({ mediaType, absent = [] }) => isIndexMediaType(mediaType) && absent.length > 0,
    );
    if (!hasOne || sparseIndexes === "configured") return false;
    return sparseIndexes === "refused" || !(await client.announcesSparseIndexes());
}
