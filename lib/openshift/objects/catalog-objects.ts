import { createHash } from "node:crypto";
import { type Digest, digestHex } from "../../oci/digest";
import { type Reference, formatReference, repositoryName } from "../../oci/reference";

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
/** The API takes all that follows the first colon for the tag, be it the registry's port (ClusterCatalog, `ref`). */
const MAX_AFTER_COLON = 127;

/** Where a catalog is at the mirror, and what it is there. */
export interface MirroredCatalog extends Reference {
    readonly digest: Digest;
}

/** A CatalogSource for each catalog, in the given order: by its tag, if it has one. */
export function catalogSources(catalogs: readonly MirroredCatalog[]): CatalogSource[] {
    return uniqueNames("cs", catalogs).map(({ catalog, name }) => ({
        apiVersion: "operators.coreos.com/v1alpha1",
        kind: "CatalogSource",
        metadata: { name, namespace: "openshift-marketplace" },
        spec: {
            sourceType: "grpc",
            image: catalog.tag === undefined ? byDigest(catalog) : byTag(catalog),
            ...(catalog.tag === undefined
                ? {}
                : { updateStrategy: { registryPoll: { interval: `${POLL_MINUTES}m` } } }),
        },
    }));
}

/** A ClusterCatalog for each catalog, in the given order: by its tag, if it has one that the API takes. */
export function clusterCatalogs(catalogs: readonly MirroredCatalog[]): ClusterCatalog[] {
    return uniqueNames("cc", catalogs).map(({ catalog, name }) => ({
        apiVersion: "olm.operatorframework.io/v1",
        kind: "ClusterCatalog",
        metadata: { name },
        spec: { source: { type: "Image", image: catalogImage(catalog) } },
    }));
}

/** The API refuses a poll beside a digest. */
function catalogImage(catalog: MirroredCatalog): ClusterCatalog["spec"]["source"]["image"] {
    const ref = byTag(catalog);
    const isTaken = catalog.tag !== undefined && ref.length - ref.indexOf(":") - 1 <= MAX_AFTER_COLON;
    return isTaken ? { ref, pollIntervalMinutes: POLL_MINUTES } : { ref: byDigest(catalog) };
}

function byTag({ registry, repository, tag }: MirroredCatalog): string {
    return formatReference({ registry, repository, ...(tag === undefined ? {} : { tag }) });
}

function byDigest({ registry, repository, digest }: MirroredCatalog): string {
    return formatReference({ registry, repository, digest });
}

/** The names that oc-mirror would give; two catalogs that would get the same one are distinguished by their repository. */
function uniqueNames(
    prefix: string,
    catalogs: readonly MirroredCatalog[],
): { catalog: MirroredCatalog; name: string }[] {
    const plain = catalogs.map((catalog) => plainName(prefix, catalog));
    return catalogs.map((catalog, i) => {
        const name = plain[i] ?? prefix;
        const isAlone = plain.filter((other) => other === name).length === 1;
        if (isAlone && name.length <= MAX_NAME_LENGTH) return { catalog, name };
        const mark = createHash("sha256")
            .update(`${repositoryName(catalog)} ${catalog.tag ?? catalog.digest}`)
            .digest("hex")
            .slice(0, 8);
        return { catalog, name: `${name.slice(0, MAX_NAME_LENGTH - mark.length - 1).replace(/-+$/, "")}-${mark}` };
    });
}

function plainName(prefix: string, { repository, tag, digest }: MirroredCatalog): string {
    const last = repository.split("/").at(-1) ?? "";
    const suffix = (tag ?? digestHex(digest)).slice(0, SUFFIX_LENGTH);
    return `${prefix}-${last}-${suffix}`
        .toLowerCase()
        .replace(/[^a-z0-9-]/g, "-")
        .replace(/-+$/, "");
}
