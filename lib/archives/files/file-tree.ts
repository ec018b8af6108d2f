import { type Digest, digestHex, isDigest } from "../../oci/digest";
import { ArchiveError } from "../../errors/errors";
import { NestingError } from "../../errors/nesting";
import { parseBoundedJson } from "../../oci/bounded-json";
import type { ArchivePart } from "../../lock";
import { ArchiveSource, type BlobLocation } from "./archive-source";

/** The regular files of a tar or a folder, by path. */
export interface FileTree {
    /** The tar or the folder, for errors. */
    readonly path: string;
    /** Relative paths with `/`, links among them. */
    names(): Iterable<string>;
    /** As `names`, where those that differ by a digest alone may be one: to see what is there. */
    kindsOfNames(): Iterable<string>;
    /**
     * Where a file's bytes lie; links are followed. Undefined if there is no such file.
     * @throws ArchiveError `ARCHIVE_ENTRY_INVALID` if it is none, or a link that leads nowhere, out or round in a circle
     */
    find(name: string): BlobLocation | undefined;
    /** What the bytes are called in errors; undefined where the file itself is named already. */
    entryName(name: string): string | undefined;
    /** What a lock remembers of it; of a folder just the named files. */
    lockParts(names: readonly string[]): readonly ArchivePart[];
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
        names: () => namesBelow(tree.names(), prefix),
        kindsOfNames: () => namesBelow(tree.kindsOfNames(), prefix),
        find: (name) => tree.find(`${prefix}${name}`),
        entryName: (name) => tree.entryName(`${prefix}${name}`),
        lockParts: (names) => tree.lockParts(names.map((name) => `${prefix}${name}`)),
    };
}

function* namesBelow(names: Iterable<string>, prefix: string): Iterable<string> {
    for (const name of names) if (name.startsWith(prefix)) yield name.slice(prefix.length);
}

/**
 * Reads a file whole. @returns undefined if there is none
 * @throws ArchiveError `ARCHIVE_TOO_LARGE` before anything is read
 */
export async function readTreeFile(tree: FileTree, name: string, limit: number): Promise<ReadFile | undefined> {
    const location = tree.find(name);
    if (location === undefined) return undefined;
    const entry = tree.entryName(name);
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
        return { json: parseBoundedJson(found.bytes), place: found.place };
    } catch (cause) {
        const problem = cause instanceof NestingError ? cause.message : "not JSON";
        throw new ArchiveError(problem, { ...found.place, code: "ARCHIVE_METADATA_INVALID", cause });
    }
}

/** Where the blobs of a tree are. */
export interface TreeBlobs {
    get(digest: Digest): BlobLocation | undefined;
    fileName(digest: Digest): string | undefined;
}

/** The blobs of a tree whose names follow from their digests; nothing is kept of them. */
export function blobsNamed(tree: FileTree, fileName: (hex: string) => string): TreeBlobs {
    const named = (digest: Digest) => (isDigest(digest) ? fileName(digestHex(digest)) : undefined);
    return {
        fileName: named,
        get: (digest) => {
            const name = named(digest);
            return name === undefined ? undefined : tree.find(name);
        },
    };
}

/** The blobs as the importer reads them. */
export function treeSource(tree: FileTree, blobs: TreeBlobs): ArchiveSource {
    return new ArchiveSource(tree.path, blobs, (digest) => {
        const name = blobs.fileName(digest);
        return name === undefined ? undefined : tree.entryName(name);
    });
}
