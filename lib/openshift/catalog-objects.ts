import { createHash } from "node:crypto";
import { hexOf } from "../oci/digest";
import { type Reference, formatReference } from "../oci/reference";

/** Offers a catalog's packages to OLM v0 (operators.coreos.com/v1alpha1); namespaced. */
export interface CatalogSource {
    readonly apiVersion: "operators.coreos.com/v1alpha1";
    readonly kind: "CatalogSource";
    readonly metadata: { readonly name: string; readonly namespace: "openshift-marketplace" };
    readonly spec: {
        readonly sourceType: "grpc";
        readonly image: string;
        readonly updateStrategy?: { readonly registryPoll: { readonly interval: string } };
    };
}

/** The same for OLM v1 (olm.operatorframework.io/v1, OpenShift 4.18 and later); cluster-scoped. */
export interface ClusterCatalog {
    readonly apiVersion: "olm.operatorframework.io/v1";
    readonly kind: "ClusterCatalog";
    readonly metadata: { readonly name: string };
    readonly spec: {
        readonly source: {
            readonly type: "Image";
            readonly image: { readonly ref: string; readonly pollIntervalMinutes?: number };
        };
    };
}

/** oc-mirror's names end with as much of the tag or digest (internal/pkg/clusterresources, hashTruncLen). */
const SUFFIX_LENGTH = 12;
/** Of a DNS label: a CatalogSource's name becomes that of a service. */
const MAX_NAME_LENGTH = 63;
/** How often the tag is looked at again: a later set moves it to a new catalog. */
const POLL_MINUTES = 30;

/** A CatalogSource for each catalog, in the given order. @param catalogs where they are at the mirror */
export function catalogSources(catalogs: readonly Reference[]): CatalogSource[] {
    return namesOf("cs", catalogs).map(({ catalog, name }) => ({
        apiVersion: "operators.coreos.com/v1alpha1",
        kind: "CatalogSource",
        metadata: { name, namespace: "openshift-marketplace" },
        spec: {
            sourceType: "grpc",
            image: formatReference(catalog),
            ...(catalog.tag === undefined
                ? {}
                : { updateStrategy: { registryPoll: { interval: `${POLL_MINUTES}m` } } }),
        },
    }));
}

/** A ClusterCatalog for each catalog, in the given order. @param catalogs where they are at the mirror */
export function clusterCatalogs(catalogs: readonly Reference[]): ClusterCatalog[] {
    return namesOf("cc", catalogs).map(({ catalog, name }) => ({
        apiVersion: "olm.operatorframework.io/v1",
        kind: "ClusterCatalog",
        metadata: { name },
        spec: {
            source: {
                type: "Image",
                image: {
                    ref: formatReference(catalog),
                    // The API refuses it beside a digest.
                    ...(catalog.tag === undefined ? {} : { pollIntervalMinutes: POLL_MINUTES }),
                },
            },
        },
    }));
}

/** The names that oc-mirror would give; two catalogs that would get the same one are told apart by their place. */
function namesOf(prefix: string, catalogs: readonly Reference[]): { catalog: Reference; name: string }[] {
    const plain = catalogs.map((catalog) => plainName(prefix, catalog));
    return catalogs.map((catalog, i) => {
        const name = plain[i] ?? prefix;
        const isAlone = plain.filter((other) => other === name).length === 1;
        if (isAlone && name.length <= MAX_NAME_LENGTH) return { catalog, name };
        const mark = createHash("sha256").update(formatReference(catalog)).digest("hex").slice(0, 8);
        return { catalog, name: `${name.slice(0, MAX_NAME_LENGTH - mark.length - 1).replace(/-+$/, "")}-${mark}` };
    });
}

function plainName(prefix: string, { repository, tag, digest }: Reference): string {
    const last = repository.split("/").at(-1) ?? "";
    const suffix = (tag ?? hexOf(digest ?? "")).slice(0, SUFFIX_LENGTH);
    return `${prefix}-${last}-${suffix}`
        .toLowerCase()
        .replace(/[^a-z0-9-]/g, "-")
        .replace(/-+$/, "");
}
