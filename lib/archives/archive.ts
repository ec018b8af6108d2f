import type { BlobSource, ImageMark } from "../mirror/image-set";
import type { ArchiveFormat, ArchivePart } from "../lock";
import type { ClusterFacts } from "../mirror/cluster-facts";
import type { Digest } from "../oci/digest";
import type { NameSource } from "../mirror/name-source";
import type { Override } from "../mirror/override";

/** An opened and indexed archive of any format. Nothing is unpacked; blobs are read from where they lie. */
export interface Archive {
    readonly format: ArchiveFormat;
    /** The absolute paths it was opened by, for errors. */
    readonly label: string;
    readonly parts: readonly ArchivePart[];
    /** What is odd about the files but does not stop their use, as sentences. */
    readonly warnings: readonly string[];
    readonly source: BlobSource;
    /** Names what is inside, by the rules of the format. @throws ArchiveError `ARCHIVE_NAMES_UNRESOLVED` */
    contents(overrides: readonly Override[]): Promise<ArchiveContents>;
    /** Closes the files; streams still open fail. May be called again. */
    close(): Promise<void>;
}

/** The named images of an archive. Keys are canonical source references (`sourceKey` of `lib/oci/reference`). */
export interface ArchiveContents {
    /** Images whose manifest the archive holds. */
    readonly images: ReadonlyMap<string, Digest>;
    /** By source reference, of `images` and `earlierImages`: where the name was found. */
    readonly nameSources: ReadonlyMap<string, NameSource>;
    /** By source reference: images whose digest is not upstream's. Each has a tag: no pull asks for it by digest. */
    readonly marks?: ReadonlyMap<string, ImageMark>;
    /** Requested images of an earlier archive. */
    readonly earlierImages: ReadonlyMap<string, Digest>;
    /** Source references that were requested and that neither this archive nor an earlier one holds, sorted. */
    readonly absent: readonly string[];
    /** What a cluster needs to know besides, if the format has it. */
    readonly cluster?: ClusterFacts;
    /** What a reader should know about how the names were found, as sentences. */
    readonly notes: readonly string[];
    /** `match` of each override that matches nothing or was not needed: most often a typing error. */
    readonly unusedOverrides: readonly string[];
    /**
     * The source repositories that should have an object of an earlier archive, sorted;
     * undefined if no earlier archive has it.
     */
    earlierRepositories(digest: Digest): readonly string[] | undefined;
}
