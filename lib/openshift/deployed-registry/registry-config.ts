import { type Bucket, type Instance, type RegistryStorage, bucketOf } from "./deployment";

/** Where things are in the pods. */
export const FOLDERS = {
    config: "/etc/registry-passthrough/config",
    certificate: "/etc/registry-passthrough/certificate",
    accounts: "/etc/registry-passthrough/accounts",
    storage: "/var/lib/registry",
} as const;

/** The CAs of a bucket's server, among the configuration. */
export const STORAGE_CA = "storage-ca.pem";

/** Both instances share the network of one pod. The second port of each serves health checks, without an account. */
export const PORTS: Readonly<Record<Instance, { readonly https: number; readonly health: number }>> = {
    pull: { https: 5000, health: 5001 },
    push: { https: 5010, health: 5011 },
};

/** Where an instance listens, and what it shows. */
export interface Listener {
    readonly https: number;
    /** Serves health checks without an account; absent: nothing does. */
    readonly health?: number;
    /** Names of the files with certificate and key; they may be one. */
    readonly certificate?: { readonly chain: string; readonly key: string };
}

/**
 * The configuration file of one instance, as versions 2.8 and 3 of distribution read it (docs/content/about/configuration.md
 * there). JSON is YAML. Without `storage`, the content is in a folder. There is no cache: one instance would not see what the other one deletes.
 */
export function registryConfig(
    instance: Instance,
    { storage, listener = PORTS[instance] }: { readonly storage?: RegistryStorage; readonly listener?: Listener } = {},
): string {
    const { https, health, certificate = { chain: "tls.crt", key: "tls.key" } } = listener;
    const isPull = instance === "pull";
    const config = {
        version: "0.1",
        log: { level: "info" },
        storage: {
            ...driver(storage && bucketOf(storage)),
            delete: { enabled: !isPull },
            maintenance: {
                uploadpurging: isPull
                    ? { enabled: false }
                    : { enabled: true, age: "168h", interval: "24h", dryrun: false },
                readonly: { enabled: isPull },
            },
        },
        http: {
            addr: `:${https}`,
            draintimeout: "20s",
            tls: {
                certificate: `${FOLDERS.certificate}/${certificate.chain}`,
                key: `${FOLDERS.certificate}/${certificate.key}`,
                minimumtls: "tls1.2",
            },
            ...(health === undefined ? {} : { debug: { addr: `:${health}` } }),
        },
        auth: { htpasswd: { realm: "registry", path: `${FOLDERS.accounts}/htpasswd` } },
        health: { storagedriver: { enabled: true, interval: "10s", threshold: 3 } },
    };
    return `${JSON.stringify(config, undefined, 2)}\n`;
}

/**
 * `registry/storage/driver/s3-aws` of versions 2.8 and 3: the account comes from the environment, as the AWS SDK reads it.
 * Clients are not sent to the bucket's server, which nodes need neither reach nor trust then.
 */
function driver(bucket: Bucket | undefined): object {
    if (bucket === undefined) return { filesystem: { rootdirectory: FOLDERS.storage } };
    const { endpoint, prefix, pathStyle, ...place } = bucket;
    return {
        s3: {
            ...{ bucket: place.bucket, region: place.region, regionendpoint: endpoint, forcepathstyle: pathStyle },
            ...(prefix === undefined ? {} : { rootdirectory: `/${prefix}` }),
        },
        redirect: { disable: true },
    };
}
