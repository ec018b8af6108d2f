import type { ImageSet } from "../../mirror/image-set";
import { type MirrorBase, mirrorRepository, protectingTag } from "../../mirror/mirror-reference";
import { imageTask } from "../image-task";
import type { WantedManifest } from "./removal";

/** The images of a set, under their tags and under those that superseded images keep, and what it was built on. */
export function wantedManifests(
    base: MirrorBase,
    { images, earlier }: Pick<ImageSet, "images" | "earlier">,
): WantedManifest[] {
    const tasks = [images, earlier.images].flatMap((some) =>
        Object.entries(some).map(([source, digest]) => imageTask(base, source, digest)),
    );
    const reliedOn = Object.entries(earlier.manifests).flatMap(([digest, { from }]) =>
        from.map((source) => ({ repository: mirrorRepository(base, source), digest })),
    );
    return [...tasks, ...tasks.map((task) => ({ ...task, tag: protectingTag(task.digest) })), ...reliedOn];
}
