/** A kind of object in the API of a cluster. */
export interface ResourcePath {
    /** `v1`, `config.openshift.io/v1`. */
    readonly apiVersion: string;
    /** Plural, as in URLs: `imagedigestmirrorsets`. */
    readonly resource: string;
    /** Absent: the kind is cluster-scoped, or a list is of all namespaces. */
    readonly namespace?: string;
}

/** What every object has, as far as this program reads it. */
export interface KubernetesObject {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: ObjectMetadata;
}

export interface ObjectMetadata {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    /** Opaque: only ever compared for equality. */
    readonly resourceVersion?: string;
    readonly generation?: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly managedFields?: readonly ManagedFields[];
    readonly deletionTimestamp?: string;
    readonly ownerReferences?: readonly OwnerReference[];
}

/** What an object goes with: it is deleted when none of its owners is left. */
export interface OwnerReference {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly uid: string;
    readonly controller?: boolean;
    /** A foreground deletion of the owner waits for this object. */
    readonly blockOwnerDeletion?: boolean;
}

/** Who has written which fields (server-side apply). */
export interface ManagedFields {
    readonly manager: string;
    readonly operation: string;
    readonly fieldsV1?: Readonly<Record<string, unknown>>;
}

/** An object as it is created: the API adds the rest of its metadata. */
export type NewObject = Omit<KubernetesObject, "metadata"> & {
    readonly metadata: Pick<ObjectMetadata, "name" | "namespace" | "labels" | "annotations" | "ownerReferences">;
};

/** A JSON merge patch (RFC 7386) that the API applies only to the version of the object it was made for. */
export interface ConditionalPatch {
    readonly metadata: { readonly resourceVersion: string } & Readonly<Record<string, unknown>>;
    readonly [field: string]: unknown;
}

/**
 * The API of one cluster. Every method throws `ClusterError`; none takes an answer that it does not understand (a proxy's
 * 404, a timeout, 403) for "it does not exist".
 */
export interface ClusterClient {
    /** `https://api.lab.test:6443`: for messages. */
    readonly server: string;
    /**
     * By how many milliseconds the clock of what answered last is ahead of that of this machine (RFC 9110 §6.6.1), to a second or
     * so; undefined: it did not say.
     */
    readonly clockDifference?: number | undefined;
    /** @returns undefined if the API says that there is no such object; throws `CLUSTER_KIND_MISSING` if it has no such kind */
    get<T extends KubernetesObject>(path: ResourcePath, name: string): Promise<T | undefined>;
    /** All pages. @returns undefined if the API has no such kind */
    list<T extends KubernetesObject>(path: ResourcePath): Promise<readonly T[] | undefined>;
    /** @throws ClusterError `CLUSTER_OBJECT_EXISTS` */
    create<T extends KubernetesObject>(path: ResourcePath, object: NewObject): Promise<T>;
    /** @throws ClusterError `CLUSTER_CONFLICT` if the object has changed since it was read */
    patch<T extends KubernetesObject>(path: ResourcePath, name: string, patch: ConditionalPatch): Promise<T>;
    /**
     * Deletes the object if it is still at this version; one that no longer exists is no error.
     * @param dependents "first": what it owns goes before it; default: by the kind of object
     */
    remove(path: ResourcePath, name: string, resourceVersion: string, dependents?: "first"): Promise<void>;
    /**
     * The end of what a container has written.
     * @param lines of it, at most
     * @returns undefined if there is no such pod; empty if its container has not started, or its node has no log of it
     */
    podLog(
        pod: Pick<ObjectMetadata, "name"> & { readonly namespace: string },
        lines: number,
    ): Promise<string | undefined>;
    close(): Promise<void>;
}
