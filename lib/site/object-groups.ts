/** Groups of objects that may be left out of a cluster, by the names of the stack outputs that have them. */
export const OBJECT_GROUPS = [
    "releaseSignatures",
    "catalogSources",
    "clusterCatalogs",
    "operatorHub",
    "updateService",
] as const;

export type ObjectGroup = (typeof OBJECT_GROUPS)[number];
