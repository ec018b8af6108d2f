import { listed } from "../errors/text";
import { markNotes } from "../mirror/image-marks";
import type { MirrorBase } from "../mirror/mirror-reference";
import {
    type ClusterConfiguration,
    type ClusterObject,
    type MirrorObject,
    NEWEST,
    formatObjects,
    listObjects,
} from "../openshift";
import { OBJECT_GROUPS, type ObjectGroup } from "./object-groups";
import { withClusterName } from "./clusters";
import { type ClusterObjects, clusterObjects } from "./cluster-objects";
import { type Content, allMarks } from "./content";
import { type ClusterRules, type MirroredContent, type SiteCluster, mirrorPolicy } from "./mirror-policy";

/** What the deliveries of a site are computed from. */
export interface DeliveredSite extends Omit<MirroredContent, "cluster"> {
    readonly clusters: readonly (ClusterRules & Pick<SiteCluster, "name">)[];
}

/** The delivery of one of a site's clusters. */
export interface NamedDelivery extends ClusterDelivery {
    /** "" for that of `site.cluster`. */
    readonly name: string;
}

/**
 * What each of a site's clusters gets.
 * @throws PassthroughError as `mirrorPolicy` does
 */
export function clusterDeliveries({ clusters, ...site }: DeliveredSite, mirror: MirrorBase): NamedDelivery[] {
    return clusters.map((cluster) => ({ name: cluster.name, ...clusterDelivery({ ...site, cluster }, mirror) }));
}

/** The notes of all deliveries: those that all clusters share once, the others with the name of their cluster. */
export function deliveryNotes(deliveries: readonly Pick<NamedDelivery, "name" | "notes">[]): string[] {
    const [first, ...others] = deliveries;
    const shared = (first?.notes ?? []).filter((note) => others.every(({ notes }) => notes.includes(note)));
    const own = deliveries.flatMap((delivery) =>
        delivery.notes.filter((note) => !shared.includes(note)).map((note) => withClusterName(delivery, note)),
    );
    return [...shared, ...own];
}

/** One value for the cluster of `site.cluster`, else one for each name. */
export function perCluster<T, R>(
    clusters: readonly (T & { readonly name: string })[],
    value: (cluster: T) => R,
): R | Record<string, R> {
    const [only, ...others] = clusters;
    if (only?.name === "" && others.length === 0) return value(only);
    return Object.fromEntries(clusters.map((cluster) => [cluster.name, value(cluster)]));
}

/** All that a site has for a cluster, except accounts and the CA. */
export interface ClusterDelivery {
    readonly mirrorRules: readonly MirrorObject[];
    /** What a node generates from the mirror rules, TOML. */
    readonly registriesConf: string;
    readonly objects: Omit<ClusterObjects, "notes">;
    /** `4.18.20` or `4.18`, or `NEWEST`. */
    readonly version: string;
    /**
     * What people should know before they apply it, as sentences: images that are tag-only or rebuilt, releases without
     * signatures, limits of the cluster's version, tags that later sets move.
     */
    readonly notes: readonly string[];
}

/**
 * What a site's cluster gets, from its configuration and locks alone.
 * @throws PassthroughError as `mirrorPolicy` does
 */
export function clusterDelivery(site: MirroredContent, mirror: MirrorBase): ClusterDelivery {
    const policy = mirrorPolicy(site, mirror);
    const { notes, ...objects } = clusterObjects(site, mirror);
    return {
        mirrorRules: policy.objects,
        registriesConf: policy.registriesConf,
        objects,
        version: site.cluster.version ?? NEWEST,
        notes: [...policy.notes, ...markNotes(allMarks(site.content)), ...notes, ...supersededNotes(site.content)],
    };
}

/** The delivery as texts, by the name of the stack output that has each. */
export function clusterTexts({ mirrorRules, registriesConf, objects }: ClusterDelivery) {
    return {
        mirrorRules: formatObjects(mirrorRules),
        registriesConf,
        releaseSignatures: formatObjects(objects.releaseSignatures),
        catalogSources: formatObjects(objects.catalogSources),
        clusterCatalogs: formatObjects(objects.clusterCatalogs),
        operatorHub: formatObjects(objects.operatorHub),
        updateService: formatObjects(objects.updateService),
        clusterImagePolicies: formatObjects(objects.clusterImagePolicies),
        pinnedImageSets: formatObjects(objects.pinnedImageSets),
    };
}

/** The objects beside the mirror rules, in the order in which a cluster gets them. */
export function deliveredObjects(
    { objects }: Pick<ClusterDelivery, "objects">,
    leaveOut: readonly ObjectGroup[],
): ClusterObject[] {
    return OBJECT_GROUPS.filter((group) => !leaveOut.includes(group)).flatMap(
        (group): readonly ClusterObject[] => objects[group],
    );
}

/** The delivery as it is compared with an earlier one. */
export function clusterConfiguration(delivery: ClusterDelivery): Required<ClusterConfiguration> {
    const { mirrorRules, objects, registriesConf, version } = delivery;
    return { objects: listObjects([...mirrorRules, ...Object.values(objects).flat()]), registriesConf, version };
}

/** How many tags a note names. */
const MAX_TAGS = 5;

function supersededNotes(content: readonly Content[]): string[] {
    return content
        .filter(({ superseded }) => superseded.length > 0)
        .map(({ name, superseded }) => {
            const count = superseded.length === 1 ? "1 tag" : `${superseded.length} tags`;
            const names = listed(superseded, MAX_TAGS);
            return `${name}: a later set moves ${count} (${names}); the images of this set are kept by digest`;
        });
}
