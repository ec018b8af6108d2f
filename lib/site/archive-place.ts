import type { HostAddress } from "./host-address";
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

/** A host that is reached over SSH. */
export interface HostPlace extends HostAddress {
    /** Path of the private key, on the machine that runs the program; absent: the secret hostPrivateKey is used. */
    readonly privateKeyFile?: string;
}

/** Where an archive is, if not on the machine that runs the program. */
export type ArchivePlace = VolumePlace | HostPlace;

/** The namespaces of a cluster with archives that are imported there, each once. @param name of the cluster */
export function importNamespaces(sets: readonly { readonly at?: ArchivePlace }[], name: string): string[] {
    const found = sets.flatMap(({ at }) =>
        at !== undefined && "claim" in at && at.cluster === name ? [at.namespace] : [],
    );
    return [...new Set(found)].sort();
}

/** Where a set's archive is; nothing for one that is here, or whose place is invalid. */
export function archivePlace({ at }: Pick<ContentDocument, "at">): { readonly at?: ArchivePlace } {
    if (at?.host !== undefined) {
        const { address, port, user, hostKey, privateKeyFile } = at.host;
        const login = privateKeyFile === undefined ? {} : { privateKeyFile };
        return { at: { address, port, user, hostKey: hostKey.trim(), ...login } };
    }
    if (at?.cluster === undefined) return {};
    const { name = "", namespace, claim, shards, runAsUser } = at.cluster;
    const user = runAsUser === undefined ? {} : { runAsUser };
    return { at: { cluster: name, namespace, claim, shards, ...user } };
}
