import { readLock } from "../lib/archives";
import { type ImagesBySource, offlinePlanLines, planOffline } from "../lib/import";
import type { ResourceLog } from "./engine";

/**
 * The offline plan of one set, for the preview: images that come, change and go, by name, and the bytes that may have
 * to be sent at most. Needs no network and no archive; without the lock only the bytes are missing.
 */
export async function announceImages(
    olds: ImagesBySource,
    news: ImagesBySource,
    lockPath: string,
    onRemove: "keep" | "delete",
    log: ResourceLog,
): Promise<void> {
    const facts = await readLock(lockPath).catch(() => undefined);
    const plan = planOffline([{ name: lockPath, images: news, facts }], olds);
    for (const { title, lines } of offlinePlanLines(plan, false, onRemove))
        log.line("info", [title, ...lines].join("\n    "));
}
