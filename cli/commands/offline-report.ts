import { type OfflinePlan, planOffline } from "../../lib/import";
import { readLock } from "../../lib/lock";
import { type ClusterChange, compareClusters } from "../../lib/openshift";
import { type Site, clusterConfiguration, clusterDelivery } from "../../lib/site";
import type { ImportedImages } from "../stack/imported-images";

/** What is known of a run without network. */
export interface OfflineReport {
    readonly plan: OfflinePlan;
    /** Absent: what clusters have is not known. */
    readonly cluster?: ClusterChange;
    /** What people should know of the content and the rules, as sentences. */
    readonly notes: readonly string[];
}

/**
 * Compares a site with what was imported last, from its configuration and locks alone.
 * @throws PassthroughError as `readLock` and `compareClusters` do
 */
export async function createOfflineReport(site: Site, imported: ImportedImages): Promise<OfflineReport> {
    const sets = await Promise.all(
        site.content.map(async ({ name, lock, images, earlier }) => ({
            name,
            images,
            earlier,
            facts: await readLock(lock),
        })),
    );
    const delivery = clusterDelivery(site, site.registry.mirror);
    return {
        plan: planOffline(sets, imported.images, site.onRemove),
        ...(imported.cluster === undefined
            ? {}
            : { cluster: compareClusters(imported.cluster, clusterConfiguration(delivery)) }),
        notes: delivery.notes,
    };
}
