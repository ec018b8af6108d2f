import { RegistryError } from "../errors/errors";
import type { Problem } from "../errors/problem";
import { counted } from "../errors/text";
import type { Digest } from "../oci/digest";
import type { Manifest } from "../oci/manifest";
import { isIndexMediaType } from "../oci/media-types";

const REJECTED = "the registry accepts no sparse index";
/** Which settings allow a sparse index (distribution 3, registry/handlers/app.go; Quay, config.py). */
const FIX =
    "let the registry accept them (distribution 3: validation.manifests.indexes.platforms: none; Quay: FEATURE_SPARSE_INDEX: " +
    "true; Harbor and distribution 2 cannot), or mirror all platforms of the image";

/**
 * Why a registry rejected a manifest. Every child that the set has is pushed before its index, so an index is rejected
 * for unknown children only if it is sparse. The index is never rewritten: its digest would be another one.
 */
export function explainRejection(error: unknown, manifest: Manifest, registry: string): unknown {
    if (!(error instanceof RegistryError) || error.code !== "MANIFEST_BLOB_UNKNOWN") return error;
    if (!isIndexMediaType(manifest.mediaType)) return error;
    const { code, status, registryCode, operation } = error;
    return new RegistryError(`the index leaves out platforms, and ${REJECTED}`, {
        ...{ registry, operation, code, status, registryCode },
        fix: FIX,
        cause: error,
    });
}

/** The same, known before anything is sent. @param lacking children that neither the set nor the repository has */
export function sparseIndexProblem(digest: Digest, lacking: number, registry: string): Problem {
    return {
        code: "MANIFEST_BLOB_UNKNOWN",
        problem: `the index leaves out ${counted(lacking, "platform")}, and ${REJECTED}`,
        thing: `index ${digest}`,
        place: { registry },
        fix: FIX,
    };
}
