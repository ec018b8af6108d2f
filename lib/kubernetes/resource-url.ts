import type { ResourcePath } from "./cluster-client";

/** Who has written a field, in `managedFields`. */
export const FIELD_MANAGER = "registry-passthrough";

/** The group of an apiVersion; empty for `v1`. */
export function apiGroup(apiVersion: string): string {
    return apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
}

/** `/api/v1` or `/apis/config.openshift.io/v1`. */
export function groupVersionPath(apiVersion: string): string {
    return apiGroup(apiVersion) === "" ? `/api/${apiVersion}` : `/apis/${apiVersion}`;
}

/** Path of an object, or of all objects, with a query. */
export function resourcePath(
    { apiVersion, resource, namespace }: ResourcePath,
    name: string | undefined,
    query: Readonly<Record<string, string>> = {},
): string {
    const parts = [
        ...(namespace === undefined ? [] : ["namespaces", namespace]),
        resource,
        ...(name === undefined ? [] : [name]),
    ];
    const path = parts.map(encodeURIComponent).join("/");
    const search = new URLSearchParams(query).toString();
    return `${groupVersionPath(apiVersion)}/${path}${search === "" ? "" : `?${search}`}`;
}

/** For messages: `configmaps/registry-ca in openshift-config`. */
export function describeResource({ apiVersion, resource, namespace }: ResourcePath, name?: string): string {
    const group = apiGroup(apiVersion);
    const kind = group === "" ? resource : `${resource}.${group}`;
    return `${kind}${name === undefined ? "" : `/${name}`}${namespace === undefined ? "" : ` in ${namespace}`}`;
}
