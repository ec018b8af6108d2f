import * as pulumi from "@pulumi/pulumi";
import type { ClusterPinnedImagesArgs } from "../dynamic-providers/cluster-pinned-images/kind";
import { ClusterPinnedImages } from "../dynamic-providers/cluster-pinned-images/resource";
import { type PinnedImageSet, expectedPins } from "../lib/openshift";
import type { Content } from "../lib/site";
import { type declareObject, objectState } from "./cluster-object";

/** What of the resource is passed as it is. */
type PassedArgs = Omit<ClusterPinnedImagesArgs, "sets" | "images" | "locks" | "written">;

interface PinnedImagesParts extends PassedArgs {
    /** The sets as they are written. */
    readonly pinned: readonly PinnedImageSet[];
    /** Their resources, in the same order. */
    readonly sets: readonly ReturnType<typeof declareObject>[];
    readonly content: readonly Content[];
}

/** Declares the wait until every node has the images of sets, after their resources. */
export function declarePinnedImages(
    name: string,
    { pinned, sets, content, ...passed }: PinnedImagesParts,
    opts: pulumi.CustomResourceOptions,
): ClusterPinnedImages {
    const images = pinned.flatMap(({ spec }) => spec.pinnedImages.map((image) => image.name));
    return new ClusterPinnedImages(
        name,
        {
            ...passed,
            sets: expectedPins(pinned).map((set) => ({ ...set })),
            images: [...new Set(images)].sort().join("\n"),
            locks: content.map(({ lock }) => lock),
            written: pulumi.all(pinned.map(({ metadata }, i) => objectState(metadata.name, sets[i]))),
        },
        opts,
    );
}
