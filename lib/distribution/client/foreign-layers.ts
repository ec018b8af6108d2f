import { RegistryError } from "../../errors/errors";
import type { Manifest } from "../../oci/manifest";
import { isForeignLayer } from "../../oci/media-types";
import type { HttpResponse } from "../http/transport";

const REJECTING = new Set([400, 500]);

/**
 * The error for a rejected manifest with non-distributable layers: distribution responds with 500 to URLs that it does
 * not allow (registry/storage/schema2manifesthandler.go, errInvalidURL), and by default it allows none.
 * @returns the error as it is for all other manifests and responses
 */
export function explainForeignLayers(
    error: RegistryError,
    { context }: HttpResponse,
    manifest: Manifest,
): RegistryError {
    const { status, registryCode } = error;
    const layers = manifest.blobs.filter(({ mediaType }) => isForeignLayer(mediaType)).map(({ digest }) => digest);
    if (layers.length === 0 || status === undefined || !REJECTING.has(status)) return error;
    return new RegistryError(`the registry rejected it; its layers ${layers.join(", ")} are not distributable`, {
        ...context,
        code: "FOREIGN_LAYERS_REJECTED",
        status,
        registryCode,
        thing: `manifest ${manifest.digest}`,
        fix:
            "let the registry accept the URLs of these layers (distribution: validation.manifests.urls.allow); if it accepts " +
            "them already, look into its log and at its disk",
        cause: error,
    });
}
