import { counted, formatBytes, listed } from "../../lib/errors/text";
import { type Lock, readLock } from "../../lib/lock";
import { downloadSize } from "../../lib/mirror/download-size";
import type { Digest } from "../../lib/oci/digest";
import type { NodePins, PinState } from "../../lib/openshift/pinned/read-pins";
import { describeFailure } from "../../lib/openshift/pinned/wait-for-pins";
import type { ClusterPinnedImagesInputs } from "./kind";

type Inputs = Pick<ClusterPinnedImagesInputs, "images" | "locks" | "sets" | "wait">;

/** How many pools a line names. */
const MAX_NAMES = 5;

/**
 * What the nodes of the pools are about to pull, and how much of it is new: as far as locks say it, which know the
 * compressed blobs.
 * @param olds of the last run; empty if nothing was pinned
 */
export async function previewLines(olds: Partial<Inputs>, news: Inputs): Promise<string[]> {
    const before = new Set(imageNames(olds.images ?? ""));
    const wanted = imageNames(news.images);
    const wantedNow = new Set(wanted);
    const added = wanted.filter((image) => !before.has(image));
    const left = [...before].filter((image) => !wantedNow.has(image));
    const kept = wanted.filter((image) => before.has(image));
    const size = await readSizes(news.locks);
    const pools = listed([...new Set(news.sets.map(({ pool }) => pool))], MAX_NAMES);
    const all = size?.(wanted);
    const lines = [
        `pins ${counted(wanted.length, "image")} on every node of ${pools}${all === undefined ? "" : `: ${sizeText(all)}`}`,
    ];
    if (before.size > 0 && added.length > 0) {
        const bytes = all && size && all.bytes - size(kept).bytes;
        lines.push(
            `${counted(added.length, "image")} of them ${added.length === 1 ? "is" : "are"} new` +
                (bytes === undefined ? "" : `, with at most ${formatBytes(bytes)} that nodes do not have yet`),
        );
    }
    if (left.length > 0) lines.push(`${counted(left.length, "image")} no longer pinned: nodes may remove them`);
    if (!news.wait) lines.push("does not wait until nodes have them (cluster.rollout.wait: false)");
    return lines;
}

type SizeOf = (images: readonly string[]) => ReturnType<typeof downloadSize>;

/** Undefined if a lock cannot be read: an import fails for it. */
async function readSizes(paths: readonly string[]): Promise<SizeOf | undefined> {
    const locks: Lock[] = [];
    for (const path of paths) {
        const lock = await readLock(path).catch(() => undefined);
        if (lock === undefined) return undefined;
        locks.push(lock);
    }
    return (images) => downloadSize(locks, images.map(digestOf));
}

function sizeText({ bytes, unknown }: ReturnType<typeof downloadSize>): string {
    const others = unknown === 0 ? "" : `, and ${counted(unknown, "image")} of unknown size`;
    return `each downloads at most ${formatBytes(bytes)}${others}; on disk, unpacked, they take more`;
}

/** `quay.io/org/app@sha256:…`, one for each line. */
function imageNames(images: string): string[] {
    return images.split("\n").filter((name) => name !== "");
}

function digestOf(image: string): Digest {
    return image.slice(image.lastIndexOf("@") + 1) as Digest;
}

/** Nodes that fail to get what they are to have. One that is at work, as after a restart, is not among them. */
export function differenceLines({ pools }: PinState): string[] {
    return pools.flatMap(({ pool, behind }) => behind.flatMap((node) => failureLine(pool, node)));
}

function failureLine(pool: string, node: NodePins): string[] {
    const failure = describeFailure(node);
    return failure === undefined ? [] : [`pool ${pool}: node ${node.name} lacks pinned images: ${failure}`];
}
