import { basename } from "node:path";
import { z } from "zod";
import { type Digest, computeDigest, isDigest } from "../../../oci/digest";
import { ArchiveError } from "../../../errors/errors";
import type { ArchivePlace } from "../../../errors/problem";
import { parseBoundedJson } from "../../../oci/bounded-json";
import { MAX_MANIFEST_BYTES } from "../../../oci/manifest";
import { MEDIA_TYPE_OCI_MANIFEST } from "../../../oci/media-types";
import type { BlobLocation } from "../../files/archive-source";
import { detectCompression } from "../../packed/compression";
import { type FileTree, readTreeFile } from "../../files/file-tree";
import { hashLocation } from "../../files/hash-location";

/** An item of `manifest.json` (containers/image, docker/internal/tarfile/types.go). */
export const dockerItem = z.looseObject({
    Config: z.string().min(1),
    RepoTags: z.array(z.string()).nullish(),
    Layers: z.array(z.string()).nullish(),
});
export type DockerItem = z.infer<typeof dockerItem>;

/** A layer whose digest is only what its file's name claims, until it is read. */
export interface LayerClaim {
    readonly location: BlobLocation;
    readonly entry: string | undefined;
    readonly digest: Digest;
    readonly diffId: Digest;
    readonly compression: "gzip" | "zstd";
}

/** An image of a docker-archive with the manifest that is made for it, since upstream's is lost. */
export interface RebuiltImage {
    readonly item: DockerItem;
    readonly config: Digest;
    readonly digest: Digest;
    readonly manifest: Buffer;
    /** Config and layers: where they lie, by the names of their files. */
    readonly blobs: readonly { readonly digest: Digest; readonly location: BlobLocation; readonly name: string }[];
    readonly claims: readonly LayerClaim[];
}

const configSchema = z.looseObject({ rootfs: z.looseObject({ diff_ids: z.array(z.string()).nullish() }).nullish() });

/** The layers that a config says the image has: digests of the uncompressed tars. */
export function parseDiffIds(config: Buffer, place: ArchivePlace): readonly Digest[] {
    const ids = configSchema.parse(parseBoundedJson(config)).rootfs?.diff_ids ?? [];
    if (ids.every(isDigest)) return ids;
    throw new ArchiveError("its rootfs.diff_ids are not sha256 digests", {
        ...place,
        code: "ARCHIVE_METADATA_INVALID",
    });
}

/**
 * Makes the manifest of an image: OCI types, the layers as they lie there, no field that could change, so that the same
 * image is the same manifest each time. An uncompressed layer has its diff_id as its digest; what that promises is
 * checked when the layer is sent.
 * @param known layers that were looked at for other images of the tree, by path and diff_id
 * @throws ArchiveError `ARCHIVE_INCOMPLETE`, `ARCHIVE_METADATA_INVALID` (layers and diff_ids do not fit)
 */
export async function rebuildImage(tree: FileTree, item: DockerItem, known: Map<string, Layer>): Promise<RebuiltImage> {
    const config = await readTreeFile(tree, item.Config, MAX_MANIFEST_BYTES);
    const location = tree.find(item.Config);
    if (config === undefined || location === undefined) throw incomplete(tree, item, `its config ${item.Config}`);
    const diffIds = configDiffIds(tree, item, config.bytes);
    const paths = item.Layers ?? [];
    checkPaths(tree, item, paths, diffIds);
    const layers: Layer[] = [];
    for (const [i, path] of paths.entries()) {
        const diffId = diffIds[i] ?? "";
        const layer = known.get(`${path} ${diffId}`) ?? (await readLayer(tree, item, path, diffId));
        known.set(`${path} ${diffId}`, layer);
        layers.push(layer);
    }
    const configDigest = computeDigest(config.bytes);
    const manifest = Buffer.from(
        JSON.stringify({
            schemaVersion: 2,
            mediaType: MEDIA_TYPE_OCI_MANIFEST,
            config: {
                mediaType: "application/vnd.oci.image.config.v1+json",
                digest: configDigest,
                size: config.bytes.length,
            },
            layers: layers.map(({ mediaType, digest, location: { size } }) => ({ mediaType, digest, size })),
        }),
    );
    return {
        item,
        config: configDigest,
        digest: computeDigest(manifest),
        manifest,
        blobs: [{ digest: configDigest, location, name: item.Config }, ...layers],
        claims: layers.flatMap(({ claim }) => (claim === undefined ? [] : [claim])),
    };
}

/** A layer as it lies in the tree. */
export interface Layer {
    readonly digest: Digest;
    readonly mediaType: string;
    readonly location: BlobLocation;
    readonly name: string;
    readonly claim?: LayerClaim;
}

async function readLayer(tree: FileTree, item: DockerItem, path: string, diffId: Digest): Promise<Layer> {
    const location = tree.find(path);
    if (location === undefined) throw incomplete(tree, item, `its layer ${path}`);
    const entry = tree.entryName(path);
    const compression = await detectCompression(location, entry);
    const type = "application/vnd.oci.image.layer.v1.tar";
    if (compression === undefined) return { digest: diffId, mediaType: type, location, name: path };
    if (compression !== "gzip" && compression !== "zstd") {
        throw invalid(tree, item, `its layer ${path} is compressed with ${compression}, which no manifest can say`);
    }
    // crane names the file after the digest; what a name claims is proven before a lock is written.
    const claimed = /^(?:sha256:)?([0-9a-f]{64})(?:\.tar\.gz)?$/.exec(basename(path))?.[1];
    const digest = claimed === undefined ? await hashLocation(location, entry) : `sha256:${claimed}`;
    return {
        digest,
        mediaType: `${type}+${compression}`,
        location,
        name: path,
        claim: { location, entry, digest, diffId, compression },
    };
}

function configDiffIds(tree: FileTree, item: DockerItem, config: Buffer): readonly Digest[] {
    try {
        return parseDiffIds(config, { archive: tree.path, entry: tree.entryName(item.Config) });
    } catch (cause) {
        if (cause instanceof ArchiveError) throw cause;
        throw invalid(tree, item, `its config ${item.Config} is none`, cause);
    }
}

function checkPaths(tree: FileTree, item: DockerItem, paths: readonly string[], diffIds: readonly Digest[]): void {
    if (paths.length !== diffIds.length) {
        throw invalid(tree, item, `it has ${paths.length} layers, its config says ${diffIds.length}`);
    }
    const byPath = new Map<string, Digest>();
    for (const [i, path] of paths.entries()) {
        const diffId = diffIds[i] ?? "";
        const known = byPath.get(path);
        if (known !== undefined && known !== diffId) {
            throw invalid(tree, item, `its layer ${path} stands for ${known} and for ${diffId}`);
        }
        byPath.set(path, diffId);
    }
}

function itemName(item: DockerItem): string {
    return item.RepoTags?.[0] ?? item.Config;
}

function incomplete(tree: FileTree, item: DockerItem, what: string): ArchiveError {
    return new ArchiveError(`${what} is missing`, {
        archive: tree.path,
        entry: "manifest.json",
        thing: `image ${itemName(item)}`,
        code: "ARCHIVE_INCOMPLETE",
        fix: "save the image again",
    });
}

function invalid(tree: FileTree, item: DockerItem, what: string, cause?: unknown): ArchiveError {
    return new ArchiveError(what, {
        archive: tree.path,
        entry: "manifest.json",
        thing: `image ${itemName(item)}`,
        code: "ARCHIVE_METADATA_INVALID",
        fix: "save the image again with a current tool",
        cause,
    });
}
