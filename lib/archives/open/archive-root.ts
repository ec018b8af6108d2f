/** What lies in a folder of a tree. */
export type RootKind = "oci-layout" | "docker-archive" | "dir" | "oc-image-mirror";

/** The folder of a tree that an archive of one format begins at. */
export interface ArchiveRoot {
    readonly kind: RootKind;
    /** "" or a path that ends with a slash. */
    readonly prefix: string;
    /** Names below the prefix that belong to a Zarf package: its images name themselves in another way. */
    readonly isZarf: boolean;
}
