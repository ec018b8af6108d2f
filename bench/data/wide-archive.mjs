import { createHash } from "node:crypto";
import { blobName, imageSet, writeLinks } from "./archives.mjs";
import { TarFile } from "./tar-file.mjs";

const images = 2000;
const layersPerImage = 22;
const largeLayer = 5_000_000;
const smallLayer = 16_384;

/**
 * An oc-mirror v2 archive of 10 GB and 100,000 entries. Links, image set configuration and manifests are real; layers and
 * configs are noise under made-up digests, since neither naming nor locking reads them.
 *
 * @param {string} path `…/mirror_000001.tar`
 * @returns {{entries: number, images: number}}
 */
export function writeWideArchive(path) {
    const tar = new TarFile(path);
    const imageLayers = (/** @type {number} */ at) => times(layersPerImage, (layer) => createLayer(at, layer));
    const all = times(images, (at) => createImage(at, imageLayers(at)));
    for (const image of all) writeLinks(tar, image);
    tar.text("isc_2026-01-02T03:04:05Z", imageSet(all));
    for (const { digest, manifest, blobs } of all) {
        for (const [blob, size] of blobs) tar.noise(blobName(blob.slice(7)), size);
        tar.text(blobName(digest.slice(7)), manifest);
    }
    tar.close();
    return { entries: tar.entries, images };
}

/**
 * A lock of many images, as catalogs bring them: each has a config and two layers of its own, and five layers that ten
 * images share. Nothing lies behind it.
 *
 * @param {number} count
 * @returns {{images: Record<string, string>, [field: string]: unknown}} a lock
 */
export function wideLock(count) {
    const imageLayers = (/** @type {number} */ at) => [
        ...times(5, (layer) => madeUp(`F base ${Math.floor(at / 10)} ${layer}`, largeLayer)),
        ...times(2, (layer) => madeUp(`F own ${at} ${layer}`, smallLayer)),
    ];
    const all = times(count, (at) => createImage(at, imageLayers(at)));
    const facts = (/** @type {WideImage} */ { manifest, blobs }) => ({
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        size: Buffer.byteLength(manifest),
        blobs: blobs.map(([blob]) => blob),
    });
    return {
        lockVersion: 1,
        format: "oc-mirror",
        parts: [{ name: "mirror_000001.tar", size: 10_000_000_000 }],
        images: Object.fromEntries(all.map(({ source, digest }) => [source, digest])),
        manifests: Object.fromEntries(all.map((image) => [image.digest, facts(image)])),
        blobs: Object.fromEntries(all.flatMap(({ blobs }) => blobs)),
        earlier: { images: {}, manifests: {}, blobs: {} },
        absent: [],
    };
}

/** @typedef {[digest: string, size: number]} Blob nothing but its name */
/** @typedef {import("./layout.mjs").MadeImage & {blobs: Blob[]}} WideImage */

/** @param {string} seed @param {number} size @returns {Blob} */
function madeUp(seed, size) {
    return [computeDigest(seed), size];
}

/** @param {number} at @param {number} layer @returns {Blob} */
function createLayer(at, layer) {
    return madeUp(`F layer ${at} ${layer}`, layer === 0 ? largeLayer : smallLayer);
}

/** @param {number} at @param {Blob[]} layers @returns {WideImage} */
function createImage(at, layers) {
    const config = madeUp(`F config ${at}`, 4096);
    const descriptor = (/** @type {Blob} */ [digest, size], /** @type {string} */ type) => ({
        mediaType: `application/vnd.oci.image.${type}`,
        digest,
        size,
    });
    const manifest = JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        config: descriptor(config, "config.v1+json"),
        layers: layers.map((layer) => descriptor(layer, "layer.v1.tar+gzip")),
    });
    const source = `quay.io/bench/wide${String(at).padStart(5, "0")}:v1`;
    const names = { config: config[0], layers: layers.map(([digest]) => digest) };
    return { source, digest: computeDigest(manifest), manifest, blobs: [config, ...layers], ...names };
}

/** @template T @param {number} count @param {(at: number) => T} make @returns {T[]} */
function times(count, make) {
    return Array.from({ length: count }, (_, at) => make(at));
}

/** @param {string} text @returns {string} */
function computeDigest(text) {
    return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}
