/** Where a registry runs, unless another namespace is configured. */
export const REGISTRY_NAMESPACE = "registry-passthrough";

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
    /** Secret: the account of a bucket; absent: the content is in a volume. */
    readonly storageAccount?: BucketAccount | undefined;
    /** User of the pods; absent: the cluster assigns one (OpenShift's SCCs). */
    readonly runAsUser?: number | undefined;
    /** PEM: the certificate of both hosts, and its issuers. */
    readonly chain: string;
    /** Secret: its private key, PEM. */
    readonly key: string;
    /** Secret: content of the htpasswd file of each instance. */
    readonly htpasswd: Readonly<Record<Instance, string>>;
}

/** Where the content is: in a volume of the cluster, or in a bucket. */
export type RegistryStorage = Volume | { readonly s3: Bucket };

export interface Volume {
    readonly bytes: number;
    /** Absent: the default one of the cluster. */
    readonly storageClass?: string | undefined;
}

/** A bucket of a server with the S3 API. */
export interface Bucket {
    /** `https:` URL of the server, without a path. */
    readonly endpoint: string;
    readonly bucket: string;
    readonly region: string;
    /** Folder in the bucket; absent: the content begins at its top. */
    readonly prefix?: string | undefined;
    /** PEM of the CAs that issued the server's certificate; absent: public ones. */
    readonly ca?: string | undefined;
    /** Whether the bucket is the first part of paths; else it is part of the host's name. */
    readonly pathStyle: boolean;
}

/** Secret. */
export interface BucketAccount {
    readonly accessKey: string;
    readonly secretKey: string;
}

/** The bucket that has the content; undefined: a volume has it. */
export function bucketOf(storage: RegistryStorage): Bucket | undefined {
    return "s3" in storage ? storage.s3 : undefined;
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
    storageAccount: "registry-storage",
    accounts: { pull: "registry-accounts", push: "registry-push-accounts" },
    services: { pull: "registry", push: "registry-push" },
} as const;

/** Of its Secrets. */
export const SECRET_NAMES: readonly string[] = [
    NAMES.certificate,
    NAMES.storageAccount,
    ...Object.values(NAMES.accounts),
];

/** On the pods of the registry, and on nothing else. */
export const POD_LABELS = { "app.kubernetes.io/name": "registry-passthrough-registry" } as const;
