import { RegistryError } from "../../errors/errors";
import type { Manifest } from "../../oci/manifest";
import { isIndexMediaType } from "../../oci/media-types";

/**
 * Why a registry refused a manifest. Every child that the set has is there before its index is put, so an index is
 * refused for unknown children only if it is sparse: which settings let it in (distribution 3, registry/handlers/app.go;
 * Quay, config.py). The index is never rewritten: its digest would be another one.
 */
export function explainedRefusal(error: unknown, manifest: Manifest): unknown {
    if (!(error instanceof RegistryError) || error.code !== "MANIFEST_BLOB_UNKNOWN") return error;
    if (!isIndexMediaType(manifest.mediaType)) return error;
    const what = `the index ${manifest.digest} leaves out platforms, and the registry takes no sparse index`;
    return new RegistryError(error.operation, what, {
        code: error.code,
        ...(error.status === undefined ? {} : { status: error.status }),
        fix:
            "let it take them (distribution 3: validation.manifests.indexes.platforms: none; Quay: FEATURE_SPARSE_INDEX: " +
            "true; Harbor and distribution 2 cannot), or mirror all platforms of the image",
        cause: error,
    });
}
