import { gzipSync } from "node:zlib";
import { type Digest, computeDigest, digestHex } from "../../lib/oci/digest";
import { type TarSpec, tar } from "./archives";

/** An image as Docker keeps it: its config, and its layers as plain tars. */
export interface DockerImage {
    readonly config: Buffer;
    readonly layers: readonly Buffer[];
}

/** An image with layers that differ for every seed. */
export function dockerImage(...seeds: readonly string[]): DockerImage {
    const layers = seeds.map((seed) => tar([{ name: `${seed}.txt`, body: seed }]));
    const rootfs = { type: "layers", diff_ids: layers.map((layer) => computeDigest(layer)) };
    const config = Buffer.from(JSON.stringify({ os: "linux", architecture: "amd64", rootfs, seeds }));
    return { config, layers };
}

/** The manifest that has to be made for it: OCI types, the layers as they lie there. */
export function expectedDigest({ config, layers }: DockerImage, gzip = false): Digest {
    const type = `application/vnd.oci.image.layer.v1.tar${gzip ? "+gzip" : ""}`;
    const packed = gzip ? layers.map((layer) => gzipSync(layer)) : layers;
    const descriptor = (mediaType: string, bytes: Buffer) => ({
        mediaType,
        digest: computeDigest(bytes),
        size: bytes.length,
    });
    const manifest = {
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        config: descriptor("application/vnd.oci.image.config.v1+json", config),
        layers: packed.map((layer) => descriptor(type, layer)),
    };
    return computeDigest(JSON.stringify(manifest));
}

/** Docker up to 24: a folder for each layer, repeated ones as symbolic links (moby, tarexport/save.go). */
export function docker24(images: readonly { image: DockerImage; tags: readonly string[] | null }[]): TarSpec[] {
    const entries: TarSpec[] = [];
    const written = new Map<Digest, string>();
    const manifest = images.map(({ image, tags }, i) => ({
        Config: `${digestHex(computeDigest(image.config))}.json`,
        RepoTags: tags,
        Layers: image.layers.map((layer, j) => {
            const name = `image${i}layer${j}/layer.tar`;
            const first = written.get(computeDigest(layer));
            if (first === undefined) entries.push({ name, body: layer });
            else entries.push({ name, type: "2", linkname: `../${first}` });
            written.set(computeDigest(layer), first ?? name);
            return name;
        }),
    }));
    const configs = images.map(({ image }) => ({
        name: `${digestHex(computeDigest(image.config))}.json`,
        body: image.config,
    }));
    return [...entries, ...configs, { name: "manifest.json", body: JSON.stringify(manifest) }];
}

/** Docker from 25 with a classic store: an OCI layout with a manifest that was made up on saving. */
export function docker25(
    image: DockerImage,
    tag: string | undefined,
    change: (layers: readonly Buffer[]) => readonly Buffer[] = (layers) => layers,
): TarSpec[] {
    const descriptor = (mediaType: string, bytes: Buffer) => ({
        mediaType,
        digest: computeDigest(bytes),
        size: bytes.length,
    });
    const manifest = Buffer.from(
        JSON.stringify({
            schemaVersion: 2,
            mediaType: "application/vnd.oci.image.manifest.v1+json",
            config: descriptor("application/vnd.oci.image.config.v1+json", image.config),
            layers: change(image.layers).map((layer) => descriptor("application/vnd.oci.image.layer.v1.tar", layer)),
            annotations: { made: "up" },
        }),
    );
    const annotations =
        tag === undefined
            ? {}
            : { "io.containerd.image.name": tag, "org.opencontainers.image.ref.name": tag.replace(/.*:/, "") };
    const index = {
        schemaVersion: 2,
        manifests: [{ ...descriptor("application/vnd.oci.image.manifest.v1+json", manifest), annotations }],
    };
    const item = {
        Config: `blobs/sha256/${digestHex(computeDigest(image.config))}`,
        RepoTags: tag === undefined ? null : [tag.replace(/^docker\.io\/library\//, "")],
        Layers: image.layers.map((layer) => `blobs/sha256/${digestHex(computeDigest(layer))}`),
    };
    const blobs = [manifest, image.config, ...image.layers];
    return [
        ...blobs.map((body) => ({ name: `blobs/sha256/${digestHex(computeDigest(body))}`, body })),
        { name: "oci-layout", body: '{"imageLayoutVersion":"1.0.0"}' },
        { name: "index.json", body: JSON.stringify(index) },
        { name: "manifest.json", body: JSON.stringify([item]) },
        { name: "repositories", body: "{}" },
    ];
}
