import { counted, firstLines } from "../../lib/errors/text";
import { readLock } from "../../lib/lock";
import {
    type ImageProblem,
    type ImageTask,
    type Removal,
    imageTask,
    namedProblems,
    removeImages,
    wantedManifests,
} from "../../lib/import";
import type { Digest } from "../../lib/oci/digest";
import { PassthroughError, errorMessage } from "../../lib/errors/errors";
import { MAX_NAMES } from "../../lib/errors/format";
import type { MirrorBase } from "../../lib/mirror/mirror-reference";
import type { ResourceLog } from "../lifecycle/engine";
import { withRegistry } from "../registry/connection";
import type { RegistryInputs } from "../registry/registry-kind";
import type { RegistryContext } from "../registry/registry-process";

type Images = Readonly<Record<string, Digest>>;

/** The images that state has and the set no longer lists, also those whose tag has another image now. */
export function leavingImages(before: Images, wanted: Images): Record<string, Digest> {
    return Object.fromEntries(Object.entries(before).filter(([source, digest]) => wanted[source] !== digest));
}

/**
 * Removes images from the registry and logs them by name.
 * @param wanted images of this set that stay
 * @param locks of this set and others: images that they list or rely on stay too
 * @throws PassthroughError if a lock cannot be read: what it lists would be unknown, which is not nothing
 */
export async function removeLeaving(
    inputs: RegistryInputs,
    leaving: Images,
    wanted: Images,
    locks: readonly string[],
    context: RegistryContext,
): Promise<Removal> {
    const others = await Promise.all(locks.map((path) => readLock(path)));
    const removal = await withRegistry(inputs, context, async (client, base, row) => {
        const stay = [...imageTasks(base, wanted), ...others.flatMap((lock) => wantedManifests(base, lock))];
        row.show(`removing ${counted(Object.keys(leaving).length, "image")}`);
        const removal = await removeImages(client, imageTasks(base, leaving), stay);
        logRemoval(removal, context.log);
        return removal;
    });
    await removeEmptiedRepositories(inputs, context);
    return removal;
}

/** Failing to is no error: the next update of the repositories, and their own removal, try again. */
async function removeEmptiedRepositories(
    { registry }: RegistryInputs,
    { process, log }: RegistryContext,
): Promise<void> {
    try {
        await process.emptiedRepositories.get(registry.mirrorBase)?.();
    } catch (error) {
        log.line("warning", `empty repositories were not removed: ${errorMessage(error)}`);
    }
}

function imageTasks(base: MirrorBase, images: Images): ImageTask[] {
    return Object.entries(images).map(([source, digest]) => imageTask(base, source, digest));
}

function logRemoval({ removed, kept }: Removal, log: ResourceLog): void {
    logList(log, `removed from the registry: ${counted(removed.length, "image")}`, removed, ({ source, digest }) => {
        return source.includes("@") ? source : `${source} ${digest}`;
    });
    logList(log, `kept in the registry: ${counted(kept.length, "image")}`, kept, ({ source, reason }) => {
        return `${source}: ${reason}`;
    });
}

function logList<T>(log: ResourceLog, title: string, items: readonly T[], line: (item: T) => string): void {
    if (items.length === 0) return;
    log.line("info", [title, ...firstLines(items.map(line), MAX_NAMES)].join("\n    "));
}

/** For a destroy: what could not be removed stays in state. */
export function notRemovedError(failed: readonly ImageProblem[]): PassthroughError {
    return new PassthroughError("images could not be removed from the registry", {
        code: "REMOVAL_FAILED",
        problems: namedProblems(failed),
        fix: "run again when that is repaired, or set site.onRemove: keep",
    });
}
