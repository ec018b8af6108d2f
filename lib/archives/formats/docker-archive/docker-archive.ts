import { z } from "zod";
import { schemaIssues } from "../../../errors/schema-issues";
import type { BlobSource } from "../../../mirror/image-set";
import { ArchiveError } from "../../../errors/errors";
import type { Descriptor } from "../../../oci/manifest";
import type { Archive } from "../../archive";
import { CombinedSource, MadeManifests } from "../../files/combined-source";
import { type FileTree, type TreeBlobs, readTreeJson, treeSource } from "../../files/file-tree";
import { isHaulerLayout } from "../oci-layout/entry-names";
import { completeImages } from "../oci-layout/hollow-manifests";
import { layoutBlobs, readLayoutIndex } from "../oci-layout/oci-layout-archive";
import { proveClaims } from "./layer-claims";
import { nameDockerImages } from "./names";
import { type DockerItem, type Layer, type RebuiltImage, dockerItem, rebuildImage } from "./rebuilt-image";
import { originalEntries } from "./synthetic-manifests";

/** In bytes: containerd's limit for metadata; a save of thousands of images stays below it. */
export const MAX_MANIFEST_JSON = 20 * 1024 * 1024;

/**
 * Opens what `docker save`, `podman save`, skopeo's `docker-archive:` or crane wrote. Where the archive also is an OCI
 * layout with the manifests that were pulled (Docker with containerd's store), those count; for every other image a
 * manifest is made, and its upstream digest is lost.
 * @throws ArchiveError `ARCHIVE_METADATA_INVALID`, `ARCHIVE_INCOMPLETE`, `ARCHIVE_FORMAT_UNSUPPORTED`
 */
export async function openDockerArchive(tree: FileTree, label: string): Promise<Archive> {
    const items = await readItems(tree);
    const images: RebuiltImage[] = [];
    const layers = new Map<string, Layer>();
    for (const item of items) images.push(await rebuildImage(tree, item, layers));
    const { original, layout, isHauler } = await readLayout(tree, images);
    if (images.length === 0 && original.length === 0) throw empty(label);
    const made = new Map(images.map(({ digest, manifest }) => [digest, manifest]));
    const sources = [
        treeSource(tree, imageFiles(images)),
        new MadeManifests(made, { archive: label, entry: "manifest.json" }),
        ...(layout === undefined ? [] : [layout]),
    ];
    const source = new CombinedSource(label, sources);
    return {
        format: isHauler ? "hauler" : "docker-archive",
        label,
        parts: tree.lockParts(["manifest.json"]),
        warnings: [],
        source,
        contents: async (overrides) => {
            const named = await nameDockerImages(label, { images, original, source: layout ?? source, overrides });
            await proveClaims(
                source,
                named.rebuilt.flatMap(({ claims }) => claims),
            );
            return named.contents;
        },
        close: async () => undefined,
    };
}

async function readItems(tree: FileTree): Promise<readonly DockerItem[]> {
    const found = await readTreeJson(tree, "manifest.json", MAX_MANIFEST_JSON);
    const place = found?.place ?? { archive: tree.path };
    if (found !== undefined && !Array.isArray(found.json)) {
        throw new ArchiveError("manifest.json is no list of images, and the file version of a dir: layout is missing", {
            ...place,
            code: "ARCHIVE_FORMAT_UNSUPPORTED",
            fix: "copy the whole folder that skopeo wrote, or save the images again",
        });
    }
    const parsed = z.array(dockerItem).safeParse(found?.json);
    if (parsed.success) return parsed.data;
    throw new ArchiveError(`not a list of images: ${schemaIssues(parsed.error)}`, {
        ...place,
        code: "ARCHIVE_METADATA_INVALID",
        fix: "save the images again with a current tool",
    });
}

/** The OCI half that Docker writes since 25.0, without the manifests that it made up itself. */
async function readLayout(
    tree: FileTree,
    images: readonly RebuiltImage[],
): Promise<{ original: readonly Descriptor[]; layout?: BlobSource; isHauler: boolean }> {
    if (tree.find("index.json") === undefined) return { original: [], isHauler: false };
    const { manifests } = await readLayoutIndex(tree);
    const layout = await completeImages(treeSource(tree, layoutBlobs(tree)), manifests);
    const original = await originalEntries(layout, manifests, new Set(images.map(({ config }) => config)));
    return { original, layout, isHauler: isHaulerLayout(manifests) };
}

function empty(label: string): ArchiveError {
    const facts = { archive: label, entry: "manifest.json", code: "ARCHIVE_METADATA_INVALID" as const };
    return new ArchiveError("it lists no image", { ...facts, fix: "save the images again, and name them" });
}

function imageFiles(images: readonly RebuiltImage[]): TreeBlobs {
    const blobs = images.flatMap((image) => image.blobs);
    const byDigest = new Map(blobs.map((blob) => [blob.digest, blob]));
    return { get: (digest) => byDigest.get(digest)?.location, fileName: (digest) => byDigest.get(digest)?.name };
}
