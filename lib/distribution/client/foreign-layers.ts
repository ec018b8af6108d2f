import { RegistryError } from "../../errors/errors";
import type { Manifest } from "../../oci/manifest";
import { isForeignLayer } from "../../oci/media-types";

/** Code of a manifest that a registry rejects, most likely for the URLs of its non-distributable layers. */
export const FOREIGN_LAYERS_REJECTED = "FOREIGN_LAYERS_REJECTED";

const REJECTING = new Set([400, 500]);

/**
 * The error for a rejected manifest with non-distributable layers: distribution answers 500 for URLs that it does not
 * allow (registry/storage/schema2manifesthandler.go, errInvalidURL), and by default it allows none.
 * @returns the error as it is for all other manifests and answers
 */
export function explainForeignLayers(error: RegistryError, manifest: Manifest): RegistryError {
    const layers = manifest.blobs.filter(({ mediaType }) => isForeignLayer(mediaType)).map(({ digest }) => digest);
    if (layers.length === 0 || error.status === undefined || !REJECTING.has(error.status)) return error;
    const what =
        `the registry answered ${error.status} (${error.code}) to the manifest ${manifest.digest}, whose layers ` +
        `${layers.join(", ")} are not distributable`;
    const fix =
        "let the registry accept the URLs of these layers (distribution: validation.manifests.urls.allow), or leave the " +
        "image out; if it accepts them already, look into its log and at its disk";
    return new RegistryError(error.operation, what, {
        code: FOREIGN_LAYERS_REJECTED,
        status: error.status,
        fix,
        cause: error,
    });
}
