import type { Readable } from "node:stream";
import type { ArchivePlace } from "../errors/problem";
import type { Digest } from "../oci/digest";

/** A manifest as content knows it: enough to plan and to prove, without its bytes. */
export interface ManifestFacts {
    readonly mediaType: string;
    /** Bytes. */
    readonly size: number;
    /** Children of an index that must be at the destination, in the index's order. */
    readonly manifests?: readonly Digest[];
    /** Config and layers, in the manifest's order. */
    readonly blobs?: readonly Digest[];
    /**
     * What a manifest names but the set leaves out on purpose: children of an index (a sparse index), layers of an image
     * that may not be distributed.
     */
    readonly absent?: readonly Digest[];
}

/**
 * An image whose digest is not the one its upstream tag has. `tag-only`: the format lost upstream's manifest, the one
 * here is made from what is left. `rebuilt`: a mirroring tool made the image anew for this tag (a filtered catalog).
 */
export type ImageMark = "tag-only" | "rebuilt";

/**
 * What an image set holds, whichever archive format it came from: plain JSON, keys sorted.
 * `images` and `earlier.images` are keyed by canonical source reference (`lib/oci/reference`): `host/path:tag`, or
 * `host/path@sha256:…` for an image that has no tag.
 */
export interface ImageSet {
    readonly images: Readonly<Record<string, Digest>>;
    /** By source reference, with a tag: images whose digest is not upstream's. Absent: there are none. */
    readonly marks?: Readonly<Record<string, ImageMark>>;
    /** Every manifest reachable from `images` that the set holds. */
    readonly manifests: Readonly<Record<Digest, ManifestFacts>>;
    /** Every blob that the set holds and its manifests name; size in bytes. */
    readonly blobs: Readonly<Record<Digest, number>>;
    /** What this set builds on: shipped by an earlier archive, so it must already be at the destination. */
    readonly earlier: {
        /** Requested by this set and shipped before: source reference -> digest. */
        readonly images: Readonly<Record<string, Digest>>;
        /** Children that indexes of this set name. */
        readonly manifests: Readonly<Record<Digest, EarlierObject>>;
        /** Configs and layers that manifests of this set name. */
        readonly blobs: Readonly<Record<Digest, EarlierObject>>;
    };
}

/** An object from an earlier archive. */
export interface EarlierObject {
    /** Bytes. */
    readonly size: number;
    /** Source repositories (`quay.io/org/app`) under whose mirrors it should be found, sorted; may be empty. */
    readonly from: readonly string[];
}

/** Where the bytes of a set are read from. Implemented by archives; the importer knows nothing else of them. */
export interface BlobSource {
    /** Bytes of the blob or manifest; undefined if this source does not hold it. */
    size(digest: Digest): number | undefined;
    /** A whole small object (a manifest, a config), digest checked. @throws ArchiveError */
    read(digest: Digest): Promise<Buffer>;
    /**
     * The bytes from `start` (default 0) to the end, straight from the archive; may be opened again and again, for a
     * retry. The digest is checked by the reader at the end. @throws ArchiveError if the source does not hold it.
     * @param allocate where the pieces are read into, if the source can choose: memory for up to so many bytes, which whoever gives
     * it may use again
     */
    open(digest: Digest, start?: number, allocate?: (size: number) => Buffer): Readable;
    /** Where a blob is, for errors; undefined if there is no archive. */
    place(digest: Digest): ArchivePlace | undefined;
}
