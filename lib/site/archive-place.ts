import type { ContentDocument } from "./schema";

/** A volume in one of the site's clusters. */
export interface VolumePlace {
    /** Name of the cluster; "" is that of `site.cluster`. */
    readonly cluster: string;
    readonly namespace: string;
    readonly claim: string;
    /** Pods that import side by side. */
    readonly shards: number;
    /** Absent: the cluster assigns one. */
    readonly runAsUser?: number;
}

/** Where a set's archive is, if not on the machine that runs the program. */
export function archivePlace({ at }: Pick<ContentDocument, "at">): { readonly at?: VolumePlace } {
    if (at === undefined) return {};
    const { name = "", namespace, claim, shards, runAsUser } = at.cluster;
    const user = runAsUser === undefined ? {} : { runAsUser };
    return { at: { cluster: name, namespace, claim, shards, ...user } };
}
