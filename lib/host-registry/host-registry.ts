import type { Instance } from "../openshift/deployed-registry";

/** A plain registry (github.com/distribution/distribution) on a host, as it is to be. */
export interface HostRegistry {
    /** `<project>/<stack>`, with the site's name where a program has several. */
    readonly owner: string;
    /** Absolute; of this registry alone. */
    readonly directory: string;
    /** Id of the image in the storage of podman: sha256 of its configuration, in hexadecimal. */
    readonly imageId: string;
    /** Path of podman on the host. */
    readonly podman: string;
    /** Of the host, by which clients reach each instance. */
    readonly ports: Readonly<Record<Instance, number>>;
    /** PEM: the certificate of both addresses, and its issuers. */
    readonly chain: string;
    /** Secret: its private key, PEM. */
    readonly key: string;
    /** Secret: content of the htpasswd file of each instance. */
    readonly htpasswd: Readonly<Record<Instance, string>>;
    /** Addresses and ranges that reach the ports; empty: all do. */
    readonly allowedFrom: readonly string[];
}

/** Where the image of a registry comes from: exactly one of these. */
export type HostImage =
    /** By digest, at a registry that the host reaches. */
    | { readonly reference: string }
    /** An archive of `podman save` or `skopeo copy` on this machine, which is copied. `version`: sha256 of the file. */
    | { readonly file: string; readonly version: string }
    /** The same, on the host. Another image has another name. */
    | { readonly fileOnHost: string };

/** Names of the systemd units. */
export const UNITS = {
    pull: "registry-passthrough-pull.service",
    push: "registry-passthrough-push.service",
    firewall: "registry-passthrough-firewall.service",
} as const;
export const UNIT_FOLDER = "/etc/systemd/system";
/** Its own: `registry-host.nft` of networkAccess, which somebody may have loaded on the same host, has another one. */
export const RULES_TABLE = "inet registry_passthrough_allowed";

/** Names of the containers. */
export const CONTAINERS: Readonly<Record<Instance, string>> = {
    pull: "registry-passthrough-pull",
    push: "registry-passthrough-push",
};
/** A container carries what it was started with: another one has it started again. */
export const CONFIGURATION_LABEL = "registry-passthrough.configuration";

/** Where things are below the directory. */
export const PLACES = {
    owner: "owner",
    config: "config",
    certificate: "certificate",
    accounts: "accounts",
    storage: "storage",
    firewall: "firewall.nft",
    image: "image.tar",
} as const;

/** The units that a registry has. */
export function unitsOf({ allowedFrom }: Pick<HostRegistry, "allowedFrom">): string[] {
    return [...(allowedFrom.length === 0 ? [] : [UNITS.firewall]), UNITS.pull, UNITS.push];
}
