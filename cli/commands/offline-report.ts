import { type OfflinePlan, planOffline } from "../../lib/import";
import { type Lock, readLock } from "../../lib/lock";
import type { ImageSet } from "../../lib/mirror/image-set";
import {
    type ClusterChange,
    NO_CLUSTER,
    type UnsignedRelease,
    clusterChangeLines,
    compareClusters,
    runnableDigests,
    unsignedReleaseNotes,
    unsignedReleases,
    wasUnsigned,
} from "../../lib/openshift";
import {
    type NamedDelivery,
    type Site,
    allImages,
    clusterConfiguration,
    clusterDeliveries,
    deliveryNotes,
    mergeFacts,
    withClusterName,
} from "../../lib/site";
import type { ClustersBefore, ImportedImages } from "../stack/imported-images";

/** What changes for one cluster. */
export interface NamedClusterChange extends ClusterChange {
    /** "" for that of `site.cluster`. */
    readonly name: string;
}

/** What is known of a run without network. */
export interface OfflineReport {
    readonly plan: OfflinePlan;
    /** Of each of the site's clusters; absent: what clusters have is not known. */
    readonly clusters?: readonly NamedClusterChange[];
    /** Releases that the run would bring, or take the signatures from, and that nodes will refuse. */
    readonly refused: readonly UnsignedRelease[];
    /** What people should know of the content and the rules, as sentences. */
    readonly notes: readonly string[];
}

/**
 * Compares a site with what was imported last, from its configuration and locks alone.
 * @param read gives a lock by its path
 * @throws PassthroughError as `readLock` and `compareClusters` do
 */
export async function createOfflineReport(
    site: Site,
    imported: ImportedImages,
    read: (lock: string) => Promise<Lock> = readLock,
): Promise<OfflineReport> {
    const sets = await Promise.all(
        site.content.map(async ({ name, lock, images, earlier }) => ({
            name,
            images,
            earlier,
            facts: await read(lock),
        })),
    );
    const deliveries = clusterDeliveries(site, site.registry.mirror);
    const { clusters } = imported;
    const changes = clusters === undefined ? undefined : deliveries.map((after) => clusterChange(clusters, after));
    return {
        plan: planOffline(sets, imported.images, site.onRemove),
        ...(changes?.every((change) => change !== undefined) === true ? { clusters: changes } : {}),
        ...judgeReleases(site, sets, imported.images, deliveryNotes(deliveries)),
    };
}

/** A release that is there already, without a signature, is no fault of the run: it stays a note. */
function judgeReleases(
    { content }: Site,
    sets: readonly { readonly facts: Pick<ImageSet, "manifests"> }[],
    before: ImportedImages["images"],
    notes: readonly string[],
): Pick<OfflineReport, "refused" | "notes"> {
    const [facts, images] = [mergeFacts(content), allImages(content)];
    const runnable = runnableDigests(sets.map((set) => set.facts));
    const unsigned = unsignedReleases(facts, images, runnable);
    const known = unsigned.filter((release) => wasUnsigned(release, before, runnable));
    // The delivery knows no children of indexes, so it may name other ones.
    const delivered = unsignedReleaseNotes(unsignedReleases(facts, images));
    return {
        refused: unsigned.filter((release) => !known.includes(release)),
        notes: [...notes.filter((note) => !delivered.includes(note)), ...unsignedReleaseNotes(known)],
    };
}

/** @returns undefined if one cluster has taken the place of several: each had its own rules */
function clusterChange(before: ClustersBefore, delivery: NamedDelivery): NamedClusterChange | undefined {
    const { name } = delivery;
    // Clusters that get names had the rules of `site.cluster` until then.
    const known = before.get(name) ?? before.get("") ?? (name === "" ? undefined : NO_CLUSTER);
    return known && { name, ...compareClusters(known, clusterConfiguration(delivery)) };
}

/** As `clusterChangeLines`, with the name of the cluster where there are several. */
export function namedChangeLines(cluster: NamedClusterChange): ReturnType<typeof clusterChangeLines> {
    return clusterChangeLines(cluster).map((block) => ({ ...block, title: withClusterName(cluster, block.title) }));
}
