import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";

/** The folder that oc-mirror works in, beside the parts of its archive. */
export const WORKSPACE = "working-dir";
export const OC_MIRROR_WORKSPACE = "oc-mirror's workspace: the parts hold what belongs to the archive";

/** What only oc-mirror makes in its workspace (oc-mirror, internal/pkg/cli/executor.go and the collectors). */
const MADE_BY_OC_MIRROR = new Set([
    ".history",
    "hold-release",
    "hold-operator",
    "operator-catalogs",
    "operator-images",
    "release-images",
    "cluster-resources",
    "graph-preparation",
]);

/** Folders that file systems and desktops keep for deleted files, snapshots, thumbnails and their own data. */
const OF_THE_SYSTEM =
    /^(?:lost\+found|System Volume Information|\$RECYCLE\.BIN|#recycle|@eaDir|\.Trash(?:es|-\d+)?|\.snapshots?|\.Spotlight-V100|\.fseventsd|\.TemporaryItems|\.DocumentRevisions-V100)$/;

/**
 * Why a folder that lies in a given one is not looked into: what is in it belongs to no archive of a set, or would be
 * read for an image that it is not. @returns undefined for all others
 */
export async function whyPassedOver(path: string): Promise<string | undefined> {
    if (OF_THE_SYSTEM.test(basename(path))) return "of the file system: deleted files, snapshots and the like";
    return whyOcMirrors(path);
}

/** The same for what oc-mirror keeps on the connected side: converted copies of images, and its cache. */
export async function whyOcMirrors(path: string): Promise<string | undefined> {
    if (basename(path) === ".oc-mirror") return "oc-mirror's cache";
    if (path.endsWith("/docker/registry/v2")) return "the storage of a registry, as oc-mirror's cache";
    if (basename(path) === WORKSPACE && (await hasName(path, MADE_BY_OC_MIRROR))) return OC_MIRROR_WORKSPACE;
    return undefined;
}

async function hasName(folder: string, names: ReadonlySet<string>): Promise<boolean> {
    const found = await readdir(join(folder)).catch(() => []);
    return found.some((name) => names.has(name));
}
