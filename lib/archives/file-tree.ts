import { type Digest, isDigest } from "../oci/digest";
import { ArchiveError } from "../oci/errors";
import type { ArchivePart } from "./archive";
import { ArchiveSource, type BlobLocation } from "./archive-source";

/** The regular files of a tar or a folder, by path. */
export interface FileTree {
    /** The tar or the folder, for errors. */
    readonly path: string;
    /** Relative paths with `/`, links among them. */
    names(): Iterable<string>;
    /**
     * Where a file's bytes lie; links are followed. Undefined if there is no such file.
     * @throws ArchiveError `ARCHIVE_ENTRY_INVALID` if it is none, or a link that leads nowhere, out or round in a circle
     */
    find(name: string): BlobLocation | undefined;
    /** What the bytes are called in errors; undefined where the file itself is named already. */
    entryOf(name: string): string | undefined;
    /** What a lock remembers of it; of a folder just the named files. */
    partsOf(names: readonly string[]): readonly ArchivePart[];
}

/** A small file that was read whole, and where it was found. */
export interface ReadFile {
    readonly bytes: Buffer;
    readonly place: { readonly archive: string; readonly entry?: string; readonly offset?: number };
}

/** The part of a tree below a folder: `prefix` is "" or ends with a slash. */
export function subTree(tree: FileTree, prefix: string): FileTree {
    if (prefix === "") return tree;
    return {
        path: tree.path,
        names: () => namesBelow(tree, prefix),
        find: (name) => tree.find(`${prefix}${name}`),
        entryOf: (name) => tree.entryOf(`${prefix}${name}`),
        partsOf: (names) => tree.partsOf(names.map((name) => `${prefix}${name}`)),
    };
}

function* namesBelow(tree: FileTree, prefix: string): Iterable<string> {
    for (const name of tree.names()) if (name.startsWith(prefix)) yield name.slice(prefix.length);
}

/**
 * Reads a file whole. @returns undefined if there is none
 * @throws ArchiveError `ARCHIVE_TOO_LARGE` before anything is read
 */
export async function readTreeFile(tree: FileTree, name: string, limit: number): Promise<ReadFile | undefined> {
    const location = tree.find(name);
    if (location === undefined) return undefined;
    const entry = tree.entryOf(name);
    const place = {
        archive: location.file.path,
        ...(entry === undefined ? {} : { entry, offset: location.offset }),
    };
    if (location.size > limit) {
        const what = `${location.size} bytes are more than such a file may have (${limit})`;
        throw new ArchiveError(what, { ...place, code: "ARCHIVE_TOO_LARGE" });
    }
    const bytes = Buffer.alloc(location.size);
    const lent = await location.file.lend();
    await lent.file.readInto(bytes, location.offset, entry).finally(() => lent.release());
    return { bytes, place };
}

/** As `readTreeFile`, parsed as JSON. @throws ArchiveError `ARCHIVE_METADATA_INVALID` */
export async function readTreeJson(
    tree: FileTree,
    name: string,
    limit: number,
): Promise<{ json: unknown; place: ReadFile["place"] } | undefined> {
    const found = await readTreeFile(tree, name, limit);
    if (found === undefined) return undefined;
    try {
        return { json: JSON.parse(found.bytes.toString("utf8")), place: found.place };
    } catch (cause) {
        throw new ArchiveError("not JSON", { ...found.place, code: "ARCHIVE_METADATA_INVALID", cause });
    }
}

/** The files of a tree that are named by their digests. */
export interface TreeBlobs {
    readonly locations: Map<Digest, BlobLocation>;
    readonly names: Map<Digest, string>;
}

/** @param digestOf what a file's name says; undefined for files that are no blobs */
export function blobsOf(tree: FileTree, digestOf: (name: string) => string | undefined): TreeBlobs {
    const blobs: TreeBlobs = { locations: new Map(), names: new Map() };
    for (const name of tree.names()) {
        const digest = digestOf(name);
        if (digest === undefined || !isDigest(digest)) continue;
        const location = tree.find(name);
        if (location === undefined) continue;
        blobs.locations.set(digest, location);
        blobs.names.set(digest, name);
    }
    return blobs;
}

/** The blobs as the importer reads them. */
export function sourceOf(tree: FileTree, blobs: TreeBlobs): ArchiveSource {
    return new ArchiveSource(tree.path, blobs.locations, (digest) => {
        const name = blobs.names.get(digest);
        return name === undefined ? undefined : tree.entryOf(name);
    });
}
