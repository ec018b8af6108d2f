import type { BlobSource } from "../../../mirror/image-set";
import { type Descriptor, parseManifest } from "../../../oci/manifest";

/** Config types of what Hauler stores beside images: Helm charts and files (its pkg/consts). */
const OWN = /^application\/vnd\.(cncf\.helm\.config|content\.hauler\.)/;

/** True for a chart or a file that Hauler stores: no registry has it under that name. */
export async function isHaulerOwn(entry: Descriptor, source: BlobSource): Promise<boolean> {
    const isNamed = entry.annotations?.["io.containerd.image.name"] !== undefined;
    if (isNamed || source.size(entry.digest) === undefined) return false;
    const [config] = parseManifest(await source.read(entry.digest), { place: source.place(entry.digest) }).blobs;
    return config !== undefined && OWN.test(config.mediaType);
}
