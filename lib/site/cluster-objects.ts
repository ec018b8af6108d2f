import type { ClusterFacts } from "../mirror/cluster-facts";
import { type MirrorBase, mirrorReference } from "../mirror/mirror-reference";
import { type Reference, parseSourceKey, repositoryName } from "../oci/reference";
import {
    DEFAULT_CATALOGS_OFF,
    type CatalogSource,
    type ClusterCatalog,
    type OperatorHub,
    type PinnedImageSet,
    type SignatureConfigMap,
    type UpdateService,
    type ClusterImagePolicy,
    type ImagePolicy,
    catalogSources,
    clusterCatalogs,
    imagePolicies,
    hasClusterCatalogs,
    hasImagePolicies,
    parseClusterVersion,
    releaseNotes,
    signatureConfigMaps,
    updateService,
} from "../openshift";
import { type SignaturePolicy, policiesWithoutEffect } from "../signatures";
import { type Content, allImages } from "./content";
import type { MirroredContent } from "./mirror-policy";
import { clusterPins } from "./pinned-images";

/** What a cluster needs beside mirror rules; each list is empty where the content has nothing for it. */
export interface ClusterObjects {
    /** For OLM v0. */
    readonly catalogSources: readonly CatalogSource[];
    /** For OLM v1. */
    readonly clusterCatalogs: readonly ClusterCatalog[];
    /** The signatures of releases. */
    readonly releaseSignatures: readonly SignatureConfigMap[];
    /** One, if a set has an update graph. */
    readonly updateService: readonly UpdateService[];
    /** One that switches the default catalogs off, if there are mirrored ones. */
    readonly operatorHub: readonly OperatorHub[];
    /** Who must have signed images. */
    readonly clusterImagePolicies: readonly (ClusterImagePolicy | ImagePolicy)[];
    /** What nodes pull beforehand, by pool. */
    readonly pinnedImageSets: readonly PinnedImageSet[];
    /** What people should know, as sentences. */
    readonly notes: readonly string[];
}

/** What oc-mirror's own disk-to-mirror would write for a cluster, for all sets of a site together. */
export function clusterObjects(
    { content, cluster, signatures = [] }: Pick<MirroredContent, "content" | "cluster" | "signatures">,
    mirror: MirrorBase,
): ClusterObjects {
    const facts = mergeFacts(content);
    const images = allImages(content);
    const atMirror = (source: string): Reference => mirrorReference(mirror, parseSourceKey(source));
    const catalogs = facts.catalogs.map((source) => ({ ...atMirror(source), digest: images[source] ?? "" }));
    const version = cluster.version === undefined ? undefined : parseClusterVersion(cluster.version);
    const service = updateServices(facts, images, atMirror);
    const pins = clusterPins(content, cluster);
    const releases = Object.keys(facts.releases).map((source) => repositoryName(atMirror(source)));
    return {
        catalogSources: catalogSources(catalogs),
        clusterCatalogs: hasClusterCatalogs(version) ? clusterCatalogs(catalogs) : [],
        releaseSignatures: signatureConfigMaps(facts.signatures),
        updateService: service,
        operatorHub: catalogs.length === 0 ? [] : [DEFAULT_CATALOGS_OFF],
        clusterImagePolicies: hasImagePolicies(version) ? imagePolicies(signatures) : [],
        pinnedImageSets: pins.sets,
        notes: [
            ...releaseNotes(facts, images, service.length > 0 ? [...new Set(releases)].sort() : []),
            ...policyNotes(signatures, cluster.version, hasImagePolicies(version)),
            ...pins.notes,
        ],
    };
}

function policyNotes(
    signatures: readonly SignaturePolicy[],
    version: string | undefined,
    isSupported: boolean,
): string[] {
    if (signatures.length === 0) return [];
    if (isSupported) return policiesWithoutEffect(signatures);
    const names = signatures.map(({ name }) => name).join(", ");
    return [
        `OpenShift ${version ?? ""} has no ClusterImagePolicy v1 (4.20 and later), so its nodes ask for no signatures and ` +
            `no object is written for site.signatures: ${names}`,
    ];
}

function updateServices(
    { releases, graphImage }: ClusterFacts,
    images: Readonly<Record<string, string>>,
    atMirror: (source: string) => Reference,
): UpdateService[] {
    const [release] = Object.keys(releases).sort().map(atMirror);
    const digest = graphImage === undefined ? undefined : images[graphImage];
    if (release === undefined || graphImage === undefined || digest === undefined) return [];
    return [updateService(release, { ...atMirror(graphImage), digest })];
}

/** Of all sets; the last one that has an update graph has the newest. */
export function mergeFacts(content: readonly Content[]): ClusterFacts {
    const all = content.flatMap(({ cluster }) => (cluster === undefined ? [] : [cluster]));
    const graphImage = all.map((facts) => facts.graphImage).findLast((source) => source !== undefined);
    return {
        catalogs: [...new Set(all.flatMap(({ catalogs }) => catalogs))].sort(),
        releases: Object.assign({}, ...all.map(({ releases }) => releases)) as Record<string, string>,
        signatures: Object.assign({}, ...all.map(({ signatures }) => signatures)) as Record<string, string[]>,
        ...(graphImage === undefined ? {} : { graphImage }),
    };
}
