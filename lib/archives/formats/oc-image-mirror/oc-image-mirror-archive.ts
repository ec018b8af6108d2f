import { type Digest, computeDigest } from "../../../oci/digest";
import { MAX_MANIFEST_BYTES, parseManifest } from "../../../oci/manifest";
import type { BlobSource } from "../../../mirror/image-set";
import type { Archive } from "../../archive";
import { type FileTree, readTreeFile, treeSource } from "../../files/file-tree";
import type { MirroredManifest } from "./candidate";
import { nameMirroredImages } from "./names";

const MANIFEST = /^v2\/(.+)\/manifests\/([^/]+)$/;
/** On Windows the colon is a hyphen (openshift/oc, imagesource/file_windows.go). */
const OBJECT = /^v2\/.+\/(?:blobs|manifests)\/sha256[:-]([0-9a-f]{64})$/;

/**
 * Opens what `oc image mirror … file://`, `oc adm release mirror --to-dir` and `oc adm catalog mirror … file://` write:
 * `v2/<repository>/manifests/<tag>` links to the digests, blobs beside them. No path has the upstream host.
 * @throws ArchiveError `ARCHIVE_ENTRY_INVALID` for links that lead nowhere
 */
export async function openOcImageMirror(tree: FileTree, label: string): Promise<Archive> {
    const names = new Map<Digest, string>();
    for (const name of tree.names()) {
        const hex = OBJECT.exec(name)?.[1];
        if (hex !== undefined) names.set(`sha256:${hex}`, name);
    }
    const tagged = await taggedManifests(tree, names);
    const fileName = (digest: Digest) => names.get(digest);
    const source = treeSource(tree, { fileName, get: (digest) => tree.find(fileName(digest) ?? "") });
    const parts = [...tree.names()].filter((name) => MANIFEST.test(name));
    return {
        format: "oc-image-mirror",
        label,
        parts: tree.lockParts(parts),
        warnings: [],
        source,
        contents: async (overrides) =>
            nameMirroredImages(label, tree, await rootImages(tree, tagged, source), source, overrides),
        close: async () => undefined,
    };
}

async function taggedManifests(tree: FileTree, names: Map<Digest, string>): Promise<readonly MirroredManifest[]> {
    const found: MirroredManifest[] = [];
    for (const name of tree.names()) {
        const [, repository = "", tag = ""] = MANIFEST.exec(name) ?? [];
        if (repository === "" || OBJECT.test(name)) continue;
        const bytes = (await readTreeFile(tree, name, MAX_MANIFEST_BYTES))?.bytes ?? Buffer.alloc(0);
        const digest = computeDigest(bytes);
        if (!names.has(digest)) names.set(digest, name);
        found.push({ repository, tag, digest });
    }
    return found;
}

/** Tags, and manifests without one that are no child of another. */
async function rootImages(
    tree: FileTree,
    tagged: readonly MirroredManifest[],
    source: BlobSource,
): Promise<readonly MirroredManifest[]> {
    const known = new Set<string>();
    const all: MirroredManifest[] = [];
    for (const name of tree.names()) {
        const hex = OBJECT.exec(name)?.[1];
        const repository = MANIFEST.exec(name)?.[1];
        if (hex === undefined || repository === undefined) continue;
        const digest = `sha256:${hex}`;
        all.push({ repository, digest });
        const { manifests } = parseManifest(await source.read(digest), { place: source.place(digest) });
        for (const child of manifests) known.add(`${repository} ${child.digest}`);
    }
    for (const { repository, digest } of tagged) known.add(`${repository} ${digest}`);
    return [...tagged, ...all.filter(({ repository, digest }) => !known.has(`${repository} ${digest}`))];
}
