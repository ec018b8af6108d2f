import type { BlobSource } from "../../../mirror/image-set";
import type { Digest } from "../../../oci/digest";
import { MAX_MANIFEST_BYTES, type Descriptor, parseManifest } from "../../../oci/manifest";
import { MEDIA_TYPE_OCI_MANIFEST } from "../../../oci/media-types";
import { parseDiffIds } from "./rebuilt-image";

const PLAIN_LAYER = "application/vnd.oci.image.layer.v1.tar";
const PULLED_FROM = "containerd.io/distribution.source.";

/**
 * The entry points whose manifests are those that were pulled. Docker's classic stores keep none and make one up on
 * saving, with the uncompressed layers; 25.0.0 even forgot layers or wrote them in a wrong order (moby issue 47065).
 * Such an image is taken from `manifest.json`, which has it too.
 * @param configs of the images in `manifest.json`
 */
export async function originalEntries(
    source: BlobSource,
    entries: readonly Descriptor[],
    configs: ReadonlySet<Digest>,
): Promise<readonly Descriptor[]> {
    const original: Descriptor[] = [];
    for (const entry of entries) if (!(await isMadeUp(source, entry, configs))) original.push(entry);
    return original;
}

async function isMadeUp(source: BlobSource, entry: Descriptor, configs: ReadonlySet<Digest>): Promise<boolean> {
    const isPulled = Object.keys(entry.annotations ?? {}).some((key) => key.startsWith(PULLED_FROM));
    const isHere = source.size(entry.digest) !== undefined;
    if (entry.mediaType !== MEDIA_TYPE_OCI_MANIFEST || isPulled || !isHere) return false;
    const [config, ...layers] = parseManifest(await source.read(entry.digest), {
        place: source.place(entry.digest),
    }).blobs;
    if (config === undefined || !configs.has(config.digest)) return false;
    if ((source.size(config.digest) ?? Infinity) > MAX_MANIFEST_BYTES) return false;
    const place = source.place(config.digest) ?? { archive: "" };
    const diffIds = new Set(parseDiffIds(await source.read(config.digest), place));
    return layers.every(({ mediaType, digest }) => mediaType === PLAIN_LAYER && diffIds.has(digest));
}
