import { MAX_NAMES } from "../../lib/errors/format";
import { counted, firstLines } from "../../lib/errors/text";
import { readLock } from "../../lib/lock";
import { type ImagesBySource, offlinePlanLines, planOffline } from "../../lib/import";
import type { OnRemove } from "../../lib/mirror/on-remove";
import type { ResourceLog } from "../lifecycle/engine";

/**
 * Logs the offline plan of one set, for the preview: images that are added, changed and removed, by name, and the bytes
 * that may have to be sent at most. Needs no network and no archive; without the lock only the bytes are missing.
 */
export async function describeImageChanges(
    olds: ImagesBySource,
    news: ImagesBySource,
    lockPath: string,
    onRemove: OnRemove,
    log: ResourceLog,
): Promise<void> {
    const facts = await readLock(lockPath).catch(() => undefined);
    const earlier = facts?.earlier.images ?? {};
    const plan = planOffline([{ name: lockPath, images: news, earlier, facts }], olds, onRemove);
    for (const { title, lines } of offlinePlanLines(plan, false)) log.line("info", [title, ...lines].join("\n    "));
}

/** Logs the images that no set lists any more: those of a set that was taken out are on no other row. */
export function describeLeavingImages(
    olds: ImagesBySource,
    news: ImagesBySource,
    onRemove: OnRemove,
    log: ResourceLog,
): void {
    for (const { title, lines } of offlinePlanLines(planOffline([], unlisted(olds, news), onRemove)))
        log.line("info", [title, ...lines].join("\n    "));
}

/** For a new stack at a registry that is adopted: how many images may be there already. */
export function adoptedImagesLine(images: number): string {
    return (
        `would adopt what is there, up to ${counted(images, "image")}: only what is missing is sent; ` +
        "`npm run -s passthrough -- plan` asks the registry and lists it exactly"
    );
}

/** The warning about tags that move at a registry with immutable tags; empty if none moves. */
export function immutableTagLines(moving: readonly string[]): string[] {
    if (moving.length === 0) return [];
    const title =
        `${counted(moving.length, "tag")} would move, and the registry has rules for immutable tags: it refuses those that ` +
        "a rule covers; disable the rule while tags move, or leave the images out of the set";
    return [title, ...firstLines(moving, MAX_NAMES)];
}

function unlisted(olds: ImagesBySource, news: ImagesBySource): ImagesBySource {
    return Object.fromEntries(Object.entries(olds).filter(([source]) => news[source] === undefined));
}
