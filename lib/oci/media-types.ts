export const MEDIA_TYPE_OCI_INDEX = "application/vnd.oci.image.index.v1+json";
export const MEDIA_TYPE_OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const MEDIA_TYPE_DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
export const MEDIA_TYPE_DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

const RESTRICTED_NAME = "[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}";
const MEDIA_TYPE = new RegExp(`^${RESTRICTED_NAME}/${RESTRICTED_NAME}$`);
/** Parameters after a semicolon, in printable ASCII: artifacts have them. */
const DESCRIBED_TYPE = new RegExp(`^${RESTRICTED_NAME}/${RESTRICTED_NAME}(?: *;[ -~]{0,255})?$`);

/** True for a media type without parameters (RFC 6838, section 4.2): it is sent as a header and written into locks. */
export function isMediaType(text: string): boolean {
    return MEDIA_TYPE.test(text);
}

/** True for what a descriptor may say of its content, which is never sent: also with parameters, or nothing. */
export function isDescribedType(text: string): boolean {
    return text === "" || DESCRIBED_TYPE.test(text);
}

/** What we accept from a registry: without the list types it may convert or hide an index. */
export const MANIFEST_MEDIA_TYPES: readonly string[] = [
    MEDIA_TYPE_OCI_INDEX,
    MEDIA_TYPE_OCI_MANIFEST,
    MEDIA_TYPE_DOCKER_LIST,
    MEDIA_TYPE_DOCKER_MANIFEST,
];

/** True for OCI indexes and Docker manifest lists. */
export function isIndexMediaType(mediaType: string): boolean {
    return mediaType === MEDIA_TYPE_OCI_INDEX || mediaType === MEDIA_TYPE_DOCKER_LIST;
}

/** True for layers that their licence keeps from being pushed (image-spec, layer.md, "Non-Distributable Layers"). */
export function isForeignLayer(mediaType: string): boolean {
    return mediaType.includes("foreign") || mediaType.includes("nondistributable");
}

/** True for anything that is pushed as a manifest rather than as a blob. */
export function isManifestMediaType(mediaType: string): boolean {
    return MANIFEST_MEDIA_TYPES.includes(mediaType);
}
