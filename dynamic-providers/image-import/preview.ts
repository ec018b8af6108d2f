import { MAX_NAMES } from "../../lib/errors/format";
import { counted, firstLines } from "../../lib/errors/text";
import { readLock } from "../../lib/lock";
import {
    type ImagesBySource,
    type OfflinePlan,
    type PlanLines,
    type WantedSet,
    isEmptyPlan,
    planHeadline,
    planOffline,
    removalLines,
    singleSetLines,
} from "../../lib/import";
import type { OnRemove } from "../../lib/mirror/on-remove";
import type { ResourceLog } from "../lifecycle/engine";
import type { SetChange } from "../registry/declared-sets";

/** A set as its plan needs it; without a readable lock only the bytes are missing. */
export async function wantedSet(lockPath: string, images: ImagesBySource): Promise<WantedSet> {
    const facts = await readLock(lockPath).catch(() => undefined);
    return { name: lockPath, images, earlier: facts?.earlier.images ?? {}, facts };
}

/**
 * Logs the offline plan of one set, for the preview: images that are added, changed and removed, by name, and the bytes
 * that may have to be sent at most. Needs no network and no archive.
 */
export function describeImageChanges(wanted: WantedSet, before: ImagesBySource, log: ResourceLog): void {
    logLines(singleSetLines(planOffline([wanted], before)), log);
}

/**
 * Logs the plan of all sets in one line, and the images that no set lists any more: those of a set that was taken out are
 * on no other row. The locks of sets that bring something are read once more: a run that kept what they say of all blobs
 * would need a MB for each 500 images until its end.
 * @param olds all images of the last validation
 * @returns that plan
 */
export async function describeAllSets(
    sets: readonly SetChange[],
    olds: ImagesBySource,
    onRemove: OnRemove,
    log: ResourceLog,
): Promise<OfflinePlan> {
    const before = Object.assign({}, olds, ...sets.map((set) => set.before)) as ImagesBySource;
    const wanted = await Promise.all(sets.map(({ wanted }) => withFacts(wanted, before)));
    const plan = planOffline(wanted, before, onRemove);
    if (isEmptyPlan(plan)) return plan;
    const [removal] = removalLines(plan);
    logLines([{ title: `images: ${planHeadline(plan)}`, lines: removal === undefined ? [] : toLines(removal) }], log);
    return plan;
}

/** With what the lock says of what it brings; nothing is asked of that where it brings nothing. */
async function withFacts(set: WantedSet, before: ImagesBySource): Promise<WantedSet> {
    const bringsSome = Object.entries(set.images).some(([image, digest]) => before[image] !== digest);
    return bringsSome ? wantedSet(set.name, set.images) : { ...set, facts: { manifests: {}, blobs: {} } };
}

function toLines({ title, lines }: PlanLines): string[] {
    return [title, ...lines.map((line) => `    ${line}`)];
}

function logLines(blocks: readonly PlanLines[], log: ResourceLog): void {
    for (const { title, lines } of blocks) log.line("info", [title, ...lines].join("\n    "));
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
