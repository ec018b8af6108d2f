import { type Digest, computeDigest } from "../../../oci/digest";
import { MAX_MANIFEST_BYTES, parseManifest } from "../../../oci/manifest";
import type { BlobSource } from "../../../mirror/image-set";
import type { Archive, ArchiveContents } from "../../archive";
import { type FileTree, readTreeFile, sourceOf } from "../../files/file-tree";
import { ImageNames } from "../../naming/image-names";
import type { Override } from "../../../mirror/override";
import { Overrides, overriddenReference } from "../../naming/override";

const MANIFEST = /^v2\/(.+)\/manifests\/([^/]+)$/;
/** On Windows the colon is a hyphen (openshift/oc, imagesource/file_windows.go). */
const OBJECT = /^v2\/.+\/(?:blobs|manifests)\/sha256[:-]([0-9a-f]{64})$/;
const HINT = "mirror them with oc-mirror --v2 or skopeo sync --scoped, which keep the host";

/** A manifest in a repository of the mirror. */
interface MirroredManifest {
    readonly repository: string;
    /** Absent: it is there under its digest alone. */
    readonly tag?: string;
    readonly digest: Digest;
}

/**
 * Opens what `oc image mirror … file://` and `oc adm release mirror --to-dir` write: `v2/<repository>/manifests/<tag>`
 * links to the digests, blobs beside them. The upstream host is not kept: an override must give it.
 * @throws ArchiveError `ARCHIVE_ENTRY_INVALID` for links that lead nowhere
 */
export async function openOcImageMirror(tree: FileTree, label: string): Promise<Archive> {
    const names = new Map<Digest, string>();
    for (const name of tree.names()) {
        const hex = OBJECT.exec(name)?.[1];
        if (hex !== undefined) names.set(`sha256:${hex}`, name);
    }
    const tagged = await taggedManifests(tree, names);
    const nameOf = (digest: Digest) => names.get(digest);
    const source = sourceOf(tree, { nameOf, get: (digest) => tree.find(nameOf(digest) ?? "") });
    const parts = [...tree.names()].filter((name) => MANIFEST.test(name));
    return {
        format: "oc-image-mirror",
        label,
        parts: tree.partsOf(parts),
        warnings: [],
        source,
        contents: async (overrides) => contentsOf(label, await rootsOf(tree, tagged, source), overrides),
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
async function rootsOf(
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

function contentsOf(label: string, roots: readonly MirroredManifest[], given: readonly Override[]): ArchiveContents {
    const overrides = new Overrides(given);
    const names = new ImageNames();
    for (const { repository, tag, digest } of roots) {
        const suffix = tag === undefined ? `@${digest}` : `:${tag}`;
        const name = `${repository}${suffix}`;
        const override = overrides.find([name, repository]);
        if (override !== undefined) names.add(name, digest, [overriddenReference(override, repository, suffix)]);
        else {
            const what = "the archive does not say which host it is of";
            names.problems.push({ name, digest, what, candidates: [], match: repository });
        }
    }
    return names.contents(label, overrides, HINT);
}
