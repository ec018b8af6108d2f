import { type Site, allImages } from "../lib/site";
import type { ClusterFacts } from "../lib/mirror/cluster-facts";
import { mirrorReference } from "../lib/mirror/mirror-reference";
import { type Reference, parseSourceKey, repositoryName } from "../lib/oci/reference";
import {
    DEFAULT_CATALOGS_OFF,
    catalogSources,
    clusterCatalogs,
    formatObjects,
    hasClusterCatalogs,
    parseClusterVersion,
    signatureConfigMaps,
    updateService,
} from "../lib/openshift";
import { releaseNotes } from "./release-notes";

/** What a cluster takes beside mirror rules; YAML, "" where there is nothing. Follows from config and locks alone. */
export interface ClusterObjects {
    /** CatalogSources, for OLM v0. */
    readonly catalogSources: string;
    /** ClusterCatalogs, for OLM v1. */
    readonly clusterCatalogs: string;
    /** ConfigMaps with the signatures of releases. */
    readonly releaseSignatures: string;
    readonly updateService: string;
    /** Switches the default catalogs off. */
    readonly operatorHub: string;
    /** What people should know, as sentences. */
    readonly notes: readonly string[];
}

/** What oc-mirror's own disk-to-mirror would write for a cluster, for all sets of a site together. */
export function clusterObjects(site: Site): ClusterObjects {
    const facts = mergedFacts(site);
    const images = allImages(site.content);
    const base = site.registry.mirror;
    const place = (source: string): Reference => mirrorReference(base, parseSourceKey(source));
    const catalogs = facts.catalogs.map((source) => ({ ...place(source), digest: images[source] ?? "" }));
    const { version } = site.cluster;
    const hasOlmV1 = hasClusterCatalogs(version === undefined ? undefined : parseClusterVersion(version));
    const repositories = [
        ...new Set(Object.keys(facts.releases).map((source) => repositoryName(place(source)))),
    ].sort();
    const [releases] = Object.keys(facts.releases).sort().map(place);
    const digest = facts.graphImage === undefined ? undefined : images[facts.graphImage];
    const service =
        releases === undefined || facts.graphImage === undefined || digest === undefined
            ? []
            : [updateService(releases, { ...place(facts.graphImage), digest })];
    return {
        catalogSources: formatObjects(catalogSources(catalogs)),
        clusterCatalogs: formatObjects(hasOlmV1 ? clusterCatalogs(catalogs) : []),
        releaseSignatures: formatObjects(signatureConfigMaps(facts.signatures)),
        updateService: formatObjects(service),
        operatorHub: formatObjects(catalogs.length === 0 ? [] : [DEFAULT_CATALOGS_OFF]),
        notes: releaseNotes(facts, images, service.length > 0 ? repositories : []),
    };
}

/** Of all sets; the last one that has an update graph has the newest. */
function mergedFacts({ content }: Site): ClusterFacts {
    const all = content.flatMap(({ cluster }) => (cluster === undefined ? [] : [cluster]));
    const graphImage = all.map((facts) => facts.graphImage).findLast((source) => source !== undefined);
    return {
        catalogs: [...new Set(all.flatMap(({ catalogs }) => catalogs))].sort(),
        releases: Object.assign({}, ...all.map(({ releases }) => releases)) as Record<string, string>,
        signatures: Object.assign({}, ...all.map(({ signatures }) => signatures)) as Record<string, string[]>,
        ...(graphImage === undefined ? {} : { graphImage }),
    };
}
