import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, renameSync, symlinkSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { layerBytes } from "./random.mjs";

const OCI = "application/vnd.oci.image";

/**
 * What was made of a shape.
 *
 * @typedef {{source: string, digest: string, manifest: string, layers: string[], config: string}} MadeImage
 *   `manifest`: its bytes as text
 *
 * @typedef {object} Content
 * @property {MadeImage[]} images
 * @property {Record<string, number>} blobs configs and layers by digest; size in bytes
 */

/**
 * Writes images as an OCI layout with full names (`<folder>/layout`), and beside it one layout per image that shares its
 * blobs (`<folder>/single/<n>`): what crane and regctl push an image from.
 *
 * @param {string} folder
 * @param {import("./shapes.mjs").ImageShape[]} shape
 * @returns {Content}
 */
export function writeLayout(folder, shape) {
    const layout = join(folder, "layout");
    mkdirSync(join(layout, "blobs", "sha256"), { recursive: true });
    const store = new BlobStore(join(layout, "blobs", "sha256"));
    const images = shape.map(({ source, layers }) => writeImage(store, source, layers));
    writeRoot(
        layout,
        images.map((image) => ({ ...image, name: image.source })),
    );
    images.forEach((image, at) => {
        const single = join(folder, "single", String(at));
        mkdirSync(single, { recursive: true });
        symlinkSync(join("..", "..", "layout", "blobs"), join(single, "blobs"));
        writeRoot(single, [{ ...image, name: image.source.slice(image.source.lastIndexOf(":") + 1) }]);
    });
    const blobs = Object.fromEntries(
        images.flatMap(({ config, layers }) => [config, ...layers]).map((digest) => [digest, store.size(digest)]),
    );
    return { images, blobs };
}

/**
 * @param {BlobStore} store
 * @param {string} source
 * @param {import("./shapes.mjs").ImageShape["layers"]} layers
 * @returns {MadeImage}
 */
function writeImage(store, source, layers) {
    const found = layers.map(({ seed, size }) => store.layer(seed, size));
    const rootfs = { type: "layers", diff_ids: found };
    const config = store.keep(
        JSON.stringify({ architecture: "amd64", os: "linux", config: { Labels: { source } }, rootfs }),
    );
    const manifest = JSON.stringify({
        schemaVersion: 2,
        mediaType: `${OCI}.manifest.v1+json`,
        config: store.descriptor(config, `${OCI}.config.v1+json`),
        layers: found.map((digest) => store.descriptor(digest, `${OCI}.layer.v1.tar+gzip`)),
    });
    return { source, digest: store.keep(manifest), manifest, config, layers: found };
}

/** @param {string} folder @param {{digest: string, manifest: string, name: string}[]} images */
function writeRoot(folder, images) {
    const manifests = images.map(({ digest, manifest, name }) => ({
        mediaType: `${OCI}.manifest.v1+json`,
        digest,
        size: Buffer.byteLength(manifest),
        annotations: { "org.opencontainers.image.ref.name": name },
    }));
    const mediaType = `${OCI}.index.v1+json`;
    writeFileSync(join(folder, "index.json"), JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
    writeFileSync(join(folder, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
}

/** Blobs in files named by their digest; a layer of one seed is made once. */
class BlobStore {
    /** @type {Map<string, number>} by digest */
    #sizes = new Map();
    /** @type {Map<string, string>} digest by seed */
    #layers = new Map();

    /** @param {string} folder */
    constructor(folder) {
        this.folder = folder;
    }

    /** @param {string} seed @param {number} size @returns {string} its digest */
    layer(seed, size) {
        const digest = this.#layers.get(seed) ?? this.#write(layerBytes(seed, size));
        this.#layers.set(seed, digest);
        return digest;
    }

    /** @param {string} text @returns {string} its digest */
    keep(text) {
        return this.#write([Buffer.from(text)]);
    }

    /** @param {string} digest @returns {number} bytes */
    size(digest) {
        const size = this.#sizes.get(digest);
        if (size === undefined) throw new Error(`there is no blob ${digest}`);
        return size;
    }

    /** @param {string} digest @param {string} mediaType */
    descriptor(digest, mediaType) {
        return { mediaType, digest, size: this.size(digest) };
    }

    /** @param {Iterable<Buffer>} pieces @returns {string} its digest */
    #write(pieces) {
        const draft = join(this.folder, "draft");
        const file = openSync(draft, "w");
        const hash = createHash("sha256");
        let size = 0;
        for (const piece of pieces) {
            writeSync(file, piece);
            hash.update(piece);
            size += piece.length;
        }
        closeSync(file);
        const hex = hash.digest("hex");
        renameSync(draft, join(this.folder, hex));
        this.#sizes.set(`sha256:${hex}`, size);
        return `sha256:${hex}`;
    }
}
