/** Groups of objects that may be left out of a cluster, by the names of the stack outputs that have them. */
export const OBJECT_GROUPS = [
    "releaseSignatures",
    "catalogSources",
    "clusterCatalogs",
    "operatorHub",
    "updateService",
] as const;

export type ObjectGroup = (typeof OBJECT_GROUPS)[number];

/** A cluster that the program writes to. */
export interface AppliedCluster {
    /** Name in `site.clusters`; empty: that of `site.cluster`. */
    readonly name: string;
    /** `4.18.20`; absent: the newest. */
    readonly version?: string;
    /** Whether nodes may pull from the upstream what the mirror lacks. */
    readonly contactSource: "allow" | "never";
    /** Context of the kubeconfig; absent: its `current-context`. */
    readonly context?: string;
    /** Whether objects that exist already may be taken over. */
    readonly adopt: boolean;
    /** Whether what nodes pull with may be taken away. */
    readonly allowRemoval: boolean;
    readonly leaveOut: readonly ObjectGroup[];
}
