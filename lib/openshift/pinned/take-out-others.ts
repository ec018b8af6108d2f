import type { ClusterClient } from "../../kubernetes/cluster-client";
import { type WriteOptions, retryConflicts } from "../trust/conflict-retry";
import {
    type ExpectedPins,
    type LivePinnedImageSet,
    PINNED_IMAGE_SETS,
    imagesOfSet,
    pinnedNames,
} from "./pinned-image-set";

/**
 * Takes images of others out of sets that have all of ours: the list is a map by name, so whoever else has added one, or an
 * earlier state of the stack, keeps it there however often ours are applied (Kubernetes, server-side apply).
 * @param images of all sets
 * @returns names of the sets that had any
 * @throws ClusterError
 */
export async function takeOutOthers(
    client: ClusterClient,
    expected: readonly ExpectedPins[],
    images: readonly string[],
    options: WriteOptions,
): Promise<string[]> {
    const changed: string[] = [];
    for (const set of expected) {
        const own = imagesOfSet(images, set);
        if (own !== undefined && (await takeOut(client, set.name, own, options))) changed.push(set.name);
    }
    return changed;
}

async function takeOut(
    client: ClusterClient,
    name: string,
    own: readonly string[],
    options: WriteOptions,
): Promise<boolean> {
    return retryConflicts(options, async () => {
        const live = await client.get<LivePinnedImageSet>(PINNED_IMAGE_SETS, name);
        const names = new Set(pinnedNames(live));
        if (live === undefined || names.size <= own.length || !own.every((image) => names.has(image))) return false;
        await client.patch(PINNED_IMAGE_SETS, name, {
            metadata: { resourceVersion: live.metadata.resourceVersion ?? "" },
            spec: { pinnedImages: own.map((image) => ({ name: image })) },
        });
        return true;
    });
}
