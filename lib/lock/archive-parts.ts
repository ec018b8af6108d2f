/**
 * The formats that can be opened, and `mixed` for a set of archives in several of them; the names are written into
 * locks, so they never change. Zarf packages are OCI layouts.
 */
export const ARCHIVE_FORMATS = [
    "oc-mirror",
    "oci-layout",
    "docker-archive",
    "hauler",
    "dir",
    "oc-image-mirror",
    "mixed",
] as const;
export type ArchiveFormat = (typeof ARCHIVE_FORMATS)[number];

/** What a lock may call a store of Hauler, or a set with one: earlier releases named it after the layout that it is. */
const FORMERLY: ReadonlySet<ArchiveFormat> = new Set(["oci-layout", "docker-archive", "mixed"]);

/** True if a lock of the one format may be of an archive of the other: the same, or the same as earlier releases named it. */
export function isSameFormat(locked: ArchiveFormat, archive: ArchiveFormat): boolean {
    return locked === archive || ((archive === "hauler" || archive === "mixed") && FORMERLY.has(locked));
}

/**
 * One file of an archive set, by its base name or by its path in the folder that was given: what a lock remembers to
 * notice a swapped archive.
 */
export interface ArchivePart {
    readonly name: string;
    /** Bytes. */
    readonly size: number;
}
