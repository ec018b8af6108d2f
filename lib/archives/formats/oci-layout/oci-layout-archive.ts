import { parseBoundedJson } from "../../../oci/bounded-json";
import { z } from "zod";
import { ArchiveError } from "../../../errors/errors";
import { MAX_MANIFEST_BYTES, type Manifest, parseManifest } from "../../../oci/manifest";
import { isIndexMediaType } from "../../../oci/media-types";
import type { Archive } from "../../archive";
import {
    type FileTree,
    type ReadFile,
    type TreeBlobs,
    blobsNamed,
    readTreeFile,
    treeSource,
} from "../../files/file-tree";
import { isHaulerLayout } from "./entry-names";
import { completeImages } from "./hollow-manifests";
import { nameLayoutImages } from "./names";

/** `index.json` is no manifest of a registry: 17,800 entries with annotations have more than the 4 MiB of one. */
const MAX_LAYOUT_INDEX_BYTES = 64 * 1024 * 1024;

const layoutFile = z.looseObject({ imageLayoutVersion: z.string() });

/** The blobs of a layout (image-spec, image-layout.md, "Blobs"). */
export function layoutBlobs(tree: FileTree): TreeBlobs {
    return blobsNamed(tree, (hex) => `blobs/sha256/${hex}`);
}

/**
 * Opens an OCI layout (image-spec, image-layout.md) in a tar or a folder. Of a folder, `index.json` is the part that a
 * lock remembers: with the digests in it, it is the whole content.
 * @param folder where it lies below what was given; "" if it is just that
 * @param isZarf it is the `images/` of a Zarf package
 * @throws ArchiveError `ARCHIVE_FORMAT_UNSUPPORTED`, `ARCHIVE_METADATA_INVALID`, `ARCHIVE_TOO_LARGE`
 */
export async function openLayout(tree: FileTree, label: string, folder: string, isZarf: boolean): Promise<Archive> {
    const index = await readLayoutIndex(tree);
    const marker = await readTreeFile(tree, "oci-layout", MAX_MANIFEST_BYTES);
    if (marker !== undefined) checkVersion(marker);
    const unmarked = `${label} has no oci-layout file; it is read as an OCI layout 1.0.0`;
    const source = await completeImages(treeSource(tree, layoutBlobs(tree)), index.manifests);
    return {
        format: isHaulerLayout(index.manifests) ? "hauler" : "oci-layout",
        label,
        parts: tree.lockParts(["index.json"]),
        warnings: marker === undefined ? [unmarked] : [],
        source,
        contents: (overrides) => nameLayoutImages(label, index.manifests, source, { overrides, isZarf, folder }),
        close: async () => undefined,
    };
}

/** The entry points of a layout. @throws ArchiveError; PassthroughError `MANIFEST_INVALID` */
export async function readLayoutIndex(tree: FileTree): Promise<Manifest> {
    const index = await readTreeFile(tree, "index.json", MAX_LAYOUT_INDEX_BYTES);
    if (index === undefined) {
        const facts = { archive: tree.path, code: "ARCHIVE_METADATA_INVALID" as const };
        throw new ArchiveError("there is no index.json", facts);
    }
    const manifest = parseManifest(index.bytes, { place: index.place }, MAX_LAYOUT_INDEX_BYTES);
    if (isIndexMediaType(manifest.mediaType)) return manifest;
    throw new ArchiveError("index.json is not an image index", { ...index.place, code: "ARCHIVE_METADATA_INVALID" });
}

function checkVersion(marker: ReadFile): void {
    const version = layoutVersion(marker.bytes);
    if (version?.startsWith("1.") === true) return;
    const what = version === undefined ? "oci-layout does not give a version" : `OCI layout version ${version}`;
    const fix = "make the layout with a tool that writes version 1.0.0";
    throw new ArchiveError(what, { ...marker.place, code: "ARCHIVE_FORMAT_UNSUPPORTED", fix });
}

function layoutVersion(bytes: Buffer): string | undefined {
    try {
        return layoutFile.safeParse(parseBoundedJson(bytes)).data?.imageLayoutVersion;
    } catch {
        return undefined;
    }
}
