import { type Lock, readLock } from "../lib/archives";
import type { Digest } from "../lib/oci/digest";
import { parseSourceKey, repositoryOf } from "../lib/oci/reference";
import type { ResourceLog } from "./engine";
import { counted, formatBytes } from "./progress";

type Images = Readonly<Record<string, Digest>>;

/** More than this many names scroll away what matters. */
const MAX_NAMES = 50;

/**
 * The offline plan of one set, for the preview: images that come, change and go, by name, and the bytes that may have
 * to be sent at most. Needs no network and no archive; without the lock only the bytes are missing.
 */
export async function announceImages(olds: Images, news: Images, lockPath: string, log: ResourceLog): Promise<void> {
    const coming = Object.keys(news).filter((source) => olds[source] === undefined);
    const changing = Object.keys(news).filter((source) => olds[source] !== undefined && olds[source] !== news[source]);
    const going = Object.keys(olds).filter((source) => news[source] === undefined);
    const lock = await readLock(lockPath).catch(() => undefined);
    const bytes = lock === undefined ? "" : `, at most ${formatBytes(bytesOf(lock, [...coming, ...changing], news))}`;
    list(log, `${said(coming.length, "comes", "come")}${bytes}`, coming, (source) => `+ ${named(source, news)}`);
    list(log, said(changing.length, "changes", "change"), changing, (source) => {
        return `~ ${source} ${olds[source] ?? ""} -> ${news[source] ?? ""}`;
    });
    const stays = going.length === 1 ? "it stays" : "they stay";
    list(
        log,
        `${said(going.length, "leaves", "leave")} the set; ${stays} in the registry`,
        going,
        (source) => `- ${source}`,
    );
}

function said(count: number, one: string, several: string): string {
    return `${counted(count, "image")} ${count === 1 ? one : several}`;
}

/** A source that is named by its digest says it once. */
function named(source: string, images: Images): string {
    return source.includes("@") ? source : `${source} ${images[source] ?? ""}`;
}

function list(log: ResourceLog, title: string, sources: readonly string[], line: (source: string) => string): void {
    if (sources.length === 0) return;
    const shown = [...sources].sort().slice(0, MAX_NAMES).map(line);
    const more = sources.length > MAX_NAMES ? [`… and ${sources.length - MAX_NAMES} more`] : [];
    log.line("info", [title, ...shown, ...more].join("\n    "));
}

/** Payload of the images' trees: blobs once, since other repositories mount them; manifests once per repository and tag. */
function bytesOf(lock: Lock, sources: readonly string[], images: Images): number {
    const sizes = new Map<string, number>();
    const addParts = (repository: string, digest: Digest): void => {
        const manifest = lock.manifests[digest];
        for (const blob of manifest?.blobs ?? []) sizes.set(blob, lock.blobs[blob] ?? 0);
        for (const child of manifest?.manifests ?? []) {
            sizes.set(`${repository} ${child}`, lock.manifests[child]?.size ?? 0);
            addParts(repository, child);
        }
    };
    for (const source of sources) {
        const digest = images[source] ?? "";
        sizes.set(source, lock.manifests[digest]?.size ?? 0);
        addParts(repositoryOf(parseSourceKey(source)), digest);
    }
    return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
