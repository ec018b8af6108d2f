import { statSync } from "node:fs";
import { join } from "node:path";
import { TarFile } from "./tar-file.mjs";

const store = "docker/registry/v2";

/**
 * The layout of a folder as one tar (oci-archive), in the order that skopeo writes.
 *
 * @param {string} folder holds `layout/`
 * @param {import("./layout.mjs").Content} content
 * @param {string} path
 */
export function writeOciArchive(folder, content, path) {
    const layout = join(folder, "layout");
    const tar = new TarFile(path);
    for (const [hex, size] of objects(content)) tar.file(`blobs/sha256/${hex}`, blobFile(layout, hex), size);
    for (const name of ["index.json", "oci-layout"]) {
        tar.file(name, join(layout, name), statSync(join(layout, name)).size);
    }
    tar.close();
}

/**
 * The same content as oc-mirror v2 packs it: the links of its cache, then the image set configuration, then the blobs.
 *
 * @param {string} folder holds `layout/`
 * @param {import("./layout.mjs").Content} content
 * @param {string} path `…/mirror_000001.tar`
 */
export function writeOcMirrorArchive(folder, content, path) {
    const tar = new TarFile(path);
    for (const image of content.images) writeLinks(tar, image);
    tar.text("isc_2026-01-02T03:04:05Z", imageSet(content.images));
    for (const [hex, size] of objects(content)) tar.file(blobName(hex), blobFile(join(folder, "layout"), hex), size);
    tar.close();
}

/** @param {TarFile} tar @param {{source: string, digest: string, layers: string[], config: string}} image */
export function writeLinks(tar, { source, digest, config, layers }) {
    const [path, tag] = source.slice(source.indexOf("/") + 1).split(":");
    const root = `${store}/repositories/${path}`;
    for (const blob of [config, ...layers]) tar.text(`${root}/_layers/sha256/${blob.slice(7)}/link`, blob);
    tar.text(`${root}/_manifests/revisions/sha256/${digest.slice(7)}/link`, digest);
    tar.text(`${root}/_manifests/tags/${tag}/current/link`, digest);
    tar.text(`${root}/_manifests/tags/${tag}/index/sha256/${digest.slice(7)}/link`, digest);
}

/** @param {{source: string}[]} images @returns {string} */
export function imageSet(images) {
    const head =
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  additionalImages:\n";
    return head + images.map(({ source }) => `  - name: ${source}\n`).join("");
}

/** @param {string} hex @returns {string} */
export function blobName(hex) {
    return `${store}/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`;
}

/** @param {string} layout @param {string} hex @returns {string} */
function blobFile(layout, hex) {
    return join(layout, "blobs", "sha256", hex);
}

/**
 * Every blob and manifest: hex part of its digest, and its size.
 *
 * @param {import("./layout.mjs").Content} content
 * @returns {[hex: string, size: number][]}
 */
function objects({ images, blobs }) {
    /** @type {[string, number][]} */
    const manifests = images.map(({ digest, manifest }) => [digest, Buffer.byteLength(manifest)]);
    return [...Object.entries(blobs), ...manifests].map(([digest, size]) => [digest.slice(7), size]);
}
