import type { Digest } from "../../oci/digest";
import type { Archive } from "../archive";
import type { ArchiveFile } from "../archive-file";
import { ArchiveSource, type BlobLocation } from "../archive-source";
import { refuseNames } from "../foreign-format";
import { type LayoutFile, checkLayoutFileSize, readLayoutIndex } from "./oci-layout-archive";
import { nameLayoutImages } from "./names";
import { type TarEntry, requireFile } from "../tar/entry";
import type { TarListing } from "../tar/listing";

const BLOB = /^blobs\/sha256\/([0-9a-f]{64})$/;

/** Opens an OCI layout in a tar (oci-archive). @throws ArchiveError */
export async function openLayoutTar(file: ArchiveFile, listing: TarListing): Promise<Archive> {
    const { entries } = listing;
    const index = entries.get("index.json");
    // With a manifest.json it is a docker save, whose OCI half may be made up.
    if (index === undefined || entries.has("manifest.json") || entries.has("zarf.yaml")) {
        throw refuseNames(file.path, rootsOf(entries));
    }
    const marker = entries.get("oci-layout");
    const root = readLayoutIndex(
        await readEntry(file, index),
        marker === undefined ? undefined : await readEntry(file, marker),
    );
    const blobs = blobsOf(file, entries);
    const source = new ArchiveSource(file.path, blobs.locations, (digest) => blobs.names.get(digest));
    const unmarked = `${file.path} has no oci-layout entry; it is read as an OCI layout 1.0.0`;
    return {
        format: "oci-layout",
        label: file.path,
        parts: [{ name: file.name, size: file.size }],
        warnings: [...listing.warnings, ...(marker === undefined ? [unmarked] : [])],
        source,
        contents: (overrides) => nameLayoutImages(file.path, root.manifests, source, overrides),
        close: () => file.close(),
    };
}

function rootsOf(entries: ReadonlyMap<string, TarEntry>): ReadonlySet<string> {
    return new Set([...entries.keys()].map((name) => name.slice(0, (name.indexOf("/") + 1 || name.length + 1) - 1)));
}

async function readEntry(file: ArchiveFile, entry: TarEntry): Promise<LayoutFile> {
    requireFile(file, entry);
    const place = { archive: file.path, entry: entry.name, offset: entry.offset };
    checkLayoutFileSize(entry.size, place);
    const bytes = Buffer.alloc(entry.size);
    await file.readInto(bytes, entry.offset, entry.name);
    return { bytes, place };
}

function blobsOf(
    file: ArchiveFile,
    entries: ReadonlyMap<string, TarEntry>,
): { locations: Map<Digest, BlobLocation>; names: Map<Digest, string> } {
    const locations = new Map<Digest, BlobLocation>();
    const names = new Map<Digest, string>();
    for (const [name, entry] of entries) {
        const hex = BLOB.exec(name)?.[1];
        if (hex === undefined) continue;
        requireFile(file, entry);
        locations.set(`sha256:${hex}`, { file, offset: entry.offset, size: entry.size });
        names.set(`sha256:${hex}`, entry.name);
    }
    return { locations, names };
}
