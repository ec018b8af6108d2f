/** How clients reach the two instances: by Routes of OpenShift, or by a port of every node. */
export const EXPOSURES = ["route", "nodePort"] as const;
export type Exposure = (typeof EXPOSURES)[number];

/** A plain registry (github.com/distribution/distribution) in a cluster, as it is to be. */
export interface DeployedRegistry {
    readonly namespace: string;
    /** `clusterOwner` of the cluster. */
    readonly owner: string;
    /** By digest. */
    readonly image: string;
    readonly expose: Exposure;
    /** `host[:port]` by which clients reach each instance. */
    readonly hosts: Readonly<Record<Instance, string>>;
    readonly storage: RegistryStorage;
    /** User of the pods; absent: the cluster assigns one (OpenShift's SCCs). */
    readonly runAsUser?: number | undefined;
    /** PEM: the certificate of both hosts, and its issuers. */
    readonly chain: string;
    /** Secret: its private key, PEM. */
    readonly key: string;
    /** Secret: content of the htpasswd file of each instance. */
    readonly htpasswd: Readonly<Record<Instance, string>>;
}

/** The volume with the content. */
export interface RegistryStorage {
    readonly bytes: number;
    /** Absent: the default one of the cluster. */
    readonly storageClass?: string | undefined;
}

/** One for clusters, which refuses every change, and one for what pushes. */
export type Instance = "pull" | "push";
export const INSTANCES: readonly Instance[] = ["pull", "push"];

/** Names of the objects in the namespace. */
export const NAMES = {
    registry: "registry",
    storage: "registry-storage",
    config: "registry-config",
    certificate: "registry-certificate",
    accounts: { pull: "registry-accounts", push: "registry-push-accounts" },
    services: { pull: "registry", push: "registry-push" },
} as const;

/** On the pods of the registry, and on nothing else. */
export const POD_LABELS = { "app.kubernetes.io/name": "registry-passthrough-registry" } as const;
