/**
 * The formats that can be opened, and `mixed` for a set of archives in several of them; the names are written into
 * locks, so they never change. Zarf packages and stores of Hauler are OCI layouts.
 */
export const ARCHIVE_FORMATS = [
    "oc-mirror",
    "oci-layout",
    "docker-archive",
    "dir",
    "oc-image-mirror",
    "mixed",
] as const;
export type ArchiveFormat = (typeof ARCHIVE_FORMATS)[number];

/**
 * One file of an archive set, by its base name or by its path in the folder that was given: what a lock remembers to
 * notice a swapped archive.
 */
export interface ArchivePart {
    readonly name: string;
    /** Bytes. */
    readonly size: number;
}
