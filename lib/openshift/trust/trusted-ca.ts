import { PassthroughError } from "../../errors/errors";
import type { KubernetesObject, ResourcePath } from "../../kubernetes/cluster-client";
import type { ConfigMap } from "../rollout/rollout-objects";

/** Settings of images for the whole cluster; the only one is `cluster`. */
export interface ImageConfig extends KubernetesObject {
    readonly spec?: {
        /** ConfigMap in `openshift-config`. */
        readonly additionalTrustedCA?: { readonly name?: string };
    };
}

export interface Secret extends KubernetesObject {
    readonly type?: string;
    /** Base64. */
    readonly data?: Readonly<Record<string, string>>;
}

/** Where a cluster has the CAs of registries and the global pull secret. */
export const TRUST_PATHS = {
    images: { apiVersion: "config.openshift.io/v1", resource: "images" },
    configMaps: { apiVersion: "v1", resource: "configmaps", namespace: "openshift-config" },
    secrets: { apiVersion: "v1", resource: "secrets", namespace: "openshift-config" },
} as const satisfies Record<string, ResourcePath>;

export const TRUST_NAMES = {
    image: "cluster",
    pullSecret: "pull-secret",
    pullSecretKey: ".dockerconfigjson",
    /** Of a ConfigMap for a cluster that has none: the name that the OpenShift documentation uses. */
    configMap: "registry-cas",
} as const;

/** On a ConfigMap that this program has created, and named in Image/cluster. */
export const CREATED_LABEL = { "app.kubernetes.io/managed-by": "registry-passthrough" } as const;

/**
 * The key of a registry's CA in the ConfigMap: its colon would not be allowed there.
 * @param host `registry.example:8443`
 * @throws PassthroughError `MIRROR_HOST_INVALID` for an IPv6 address, which no such key can express
 */
export function trustKey(host: string): string {
    if (host.startsWith("[")) {
        throw new PassthroughError("a cluster cannot trust a CA for an IPv6 address", {
            code: "MIRROR_HOST_INVALID",
            thing: host,
            fix: "use a host name in site.registry.mirrorBase",
        });
    }
    return host.replace(":", "..");
}

/** The CA that a ConfigMap has under a key, as text. */
export function configuredCa(configMap: ConfigMap | undefined, key: string): string | undefined {
    const binary = configMap?.binaryData?.[key];
    return (
        configMap?.data?.[key] ?? (binary === undefined ? undefined : Buffer.from(binary, "base64").toString("utf8"))
    );
}

/** A merge patch that sets the CA under its key, and touches nothing else. */
export function setCaPatch(configMap: ConfigMap, key: string, pem: string): Readonly<Record<string, unknown>> {
    const isBinary = configMap.binaryData?.[key] !== undefined;
    return { data: { [key]: pem }, ...(isBinary ? { binaryData: { [key]: null } } : {}) };
}

/** A merge patch that takes the CA out, and touches nothing else. */
export function removeCaPatch(configMap: ConfigMap, key: string): Readonly<Record<string, unknown>> {
    const has = (field: "data" | "binaryData") => configMap[field]?.[key] !== undefined;
    return {
        ...(has("data") ? { data: { [key]: null } } : {}),
        ...(has("binaryData") ? { binaryData: { [key]: null } } : {}),
    };
}

/** Keys of a ConfigMap other than this one. */
export function otherKeys({ data = {}, binaryData = {} }: ConfigMap, key: string): string[] {
    return [...Object.keys(data), ...Object.keys(binaryData)].filter((name) => name !== key);
}

/** True if the ConfigMap was created by this program. */
export function isCreatedHere({ metadata }: ConfigMap): boolean {
    return Object.entries(CREATED_LABEL).every(([name, value]) => metadata.labels?.[name] === value);
}
