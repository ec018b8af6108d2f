import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { computeDigest, digestHex } from "../oci/digest";
import { MEDIA_TYPE_OCI_MANIFEST } from "../oci/media-types";
import type { BuiltImage } from "./build-image";
import { type LayerFile, tarLayer } from "./tar-layer";

/**
 * Writes an image as an OCI archive: an image layout (OCI image specification, "Image Layout") in a tar, as `podman load`,
 * `skopeo` and `ctr images import` read it. The same image makes the same bytes.
 * @param file written as it is: the caller puts it in its place when it is whole
 * @param name `host/repository`; containerd gets it with the digest, as pods name it
 */
export async function writeImageArchive(file: string, name: string, image: BuiltImage): Promise<void> {
    const { manifest, config, layers } = image;
    const annotations = {
        "io.containerd.image.name": `${name}@${manifest.digest}`,
        "org.opencontainers.image.ref.name": `${name}:latest`,
    };
    const described = {
        ...{ mediaType: MEDIA_TYPE_OCI_MANIFEST, digest: manifest.digest, size: manifest.bytes.length },
        ...{ annotations, platform: { architecture: image.architecture, os: "linux" } },
    };
    const json = (value: object) => ({ bytes: Buffer.from(JSON.stringify(value)) });
    const blobs = [
        { digest: manifest.digest, content: { bytes: Buffer.from(manifest.bytes) } },
        { digest: computeDigest(config), content: { bytes: config } },
        ...layers.map(({ digest, size, pieces }) => ({ digest, content: { size, pieces } })),
    ].map(({ digest, content }): LayerFile => ({ path: `blobs/sha256/${digestHex(digest)}`, content }));
    const files = [
        ...blobs.sort((a, b) => (a.path < b.path ? -1 : 1)),
        { path: "index.json", content: json({ schemaVersion: 2, manifests: [described] }) },
        { path: "oci-layout", content: json({ imageLayoutVersion: "1.0.0" }) },
    ];
    const { pieces } = await tarLayer(files);
    await pipeline(pieces, createWriteStream(file, { flags: "wx", mode: 0o644 }));
}
