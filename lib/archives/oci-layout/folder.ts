import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../../oci/digest";
import type { Archive } from "../archive";
import { ArchiveFile, type LentFile, unreadable } from "../archive-file";
import { ArchiveSource, type BlobFile, type BlobLocation } from "../archive-source";
import { type LayoutFile, checkLayoutFileSize, readLayoutIndex } from "./oci-layout-archive";
import { nameLayoutImages } from "./names";

/**
 * Opens the folder of an OCI layout. Its only part is `index.json`: with the digests in it, it is the whole content.
 * @throws ArchiveError
 */
export async function openLayoutFolder(path: string): Promise<Archive> {
    const index = await readRootFile(join(path, "index.json"));
    const marker = await readRootFile(join(path, "oci-layout")).catch(absentAsUndefined);
    const entries = readLayoutIndex(index, marker);
    const blobs = await listBlobs(join(path, "blobs", "sha256"));
    const source = new ArchiveSource(path, blobs, () => undefined);
    return {
        format: "oci-layout",
        label: path,
        parts: [{ name: "index.json", size: index.bytes.length }],
        warnings: marker === undefined ? [`${path} has no oci-layout file; it is read as an OCI layout 1.0.0`] : [],
        source,
        contents: (overrides) => nameLayoutImages(path, entries.manifests, source, overrides),
        close: async () => undefined,
    };
}

/** A blob that is a file of its own: opened for each reading, since a layout may have more blobs than handles. */
class FolderBlob implements BlobFile {
    readonly path: string;

    constructor(path: string) {
        this.path = path;
    }

    async lend(): Promise<LentFile> {
        const file = await ArchiveFile.open(this.path);
        return { file, release: () => file.close() };
    }
}

async function readRootFile(path: string): Promise<LayoutFile> {
    const file = await ArchiveFile.open(path);
    try {
        checkLayoutFileSize(file.size, { archive: path });
        const bytes = Buffer.alloc(file.size);
        await file.readInto(bytes, 0);
        return { bytes, place: { archive: path } };
    } finally {
        await file.close();
    }
}

function absentAsUndefined(error: unknown): undefined {
    if (error instanceof Error && "code" in error && error.code === "ARCHIVE_NOT_FOUND") return undefined;
    throw error;
}

async function listBlobs(folder: string): Promise<Map<Digest, BlobLocation>> {
    const names = await readdir(folder).catch((cause: unknown) => {
        throw unreadable(folder, cause);
    });
    const blobs = new Map<Digest, BlobLocation>();
    for (const name of names.filter((found) => /^[0-9a-f]{64}$/.test(found))) {
        const path = join(folder, name);
        const facts = await stat(path).catch((cause: unknown) => {
            throw unreadable(path, cause);
        });
        if (facts.isFile()) blobs.set(`sha256:${name}`, { file: new FolderBlob(path), offset: 0, size: facts.size });
    }
    return blobs;
}
