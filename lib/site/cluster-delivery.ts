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
import { OBJECT_GROUPS, type ObjectGroup } from "./applied-cluster";
import { type ClusterObjects, clusterObjects } from "./cluster-objects";
import { type Content, allMarks } from "./content";
import { type MirroredContent, mirrorPolicy } from "./mirror-policy";

/** All that a site has for its clusters, except accounts and the CA. */
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
 * What a site's clusters get, from its configuration and locks alone.
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
