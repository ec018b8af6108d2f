import type { FileTree } from "../files/file-tree";
import type { ArchiveRoot, RootKind } from "./archive-root";
import { ZARF_IMAGES, ownsFolder, zarfPackageFolder } from "./owned-names";

/** What the names in one folder say. */
interface Markers {
    index?: boolean;
    blobs?: boolean;
    manifest?: boolean;
    version?: boolean;
    mirror?: boolean;
    zarf?: boolean;
}

/**
 * Finds the archives in a tree by the names in it, sorted by path: one at its root, one below a folder that somebody
 * packed around it, or many side by side, as `skopeo sync` writes them. In the folders of an archive that its format
 * defines (`blobs/`) no other one begins; in others beside them it may.
 */
export function archiveRoots(tree: FileTree): ArchiveRoot[] {
    const folders = new Map<string, Markers>();
    for (const name of tree.kindsOfNames()) mark(folders, name);
    const found = [...folders].flatMap(([prefix, markers]) => {
        const kind = rootKind(markers);
        return kind === undefined ? [] : [{ kind, prefix, isZarf: isInZarf(folders, prefix) }];
    });
    found.sort((a, b) => (a.prefix < b.prefix ? -1 : 1));
    const packages = new Map(
        found.filter(({ isZarf }) => isZarf).map((root) => [zarfPackageFolder(root.prefix), root]),
    );
    const taken = new Map<string, ArchiveRoot>();
    return found.filter((root) => {
        const context = foldersAbove(root.prefix).flatMap((folder) => [taken.get(folder), packages.get(folder)]);
        if (context.some((outer) => outer !== undefined && outer !== root && ownsFolder(outer, root.prefix)))
            return false;
        taken.set(root.prefix, root);
        return true;
    });
}

function mark(folders: Map<string, Markers>, name: string): void {
    const slash = name.lastIndexOf("/") + 1;
    const [folder, base] = [name.slice(0, slash), name.slice(slash)];
    if (base === "index.json") at(folders, folder).index = true;
    else if (base === "manifest.json") at(folders, folder).manifest = true;
    else if (base === "version") at(folders, folder).version = true;
    else if (base === "zarf.yaml") at(folders, folder).zarf = true;
    else if (/(^|\/)blobs\/[^/]+\/$/.test(folder)) at(folders, folder.replace(/blobs\/[^/]+\/$/, "")).blobs = true;
    // Repositories may have a part `v2` too: the first one is the mirror's. Only its files are named after digests so.
    const mirror = /^((?:.*?\/)??)v2\/.+\/(?:manifests|blobs)\/sha256[:-][0-9a-f]{64}$/.exec(name);
    if (mirror !== null) at(folders, mirror[1] ?? "").mirror = true;
}

function at(folders: Map<string, Markers>, prefix: string): Markers {
    const markers = folders.get(prefix) ?? {};
    folders.set(prefix, markers);
    return markers;
}

function rootKind({ index, blobs, manifest, version, mirror }: Markers): RootKind | undefined {
    if (index === true && blobs === true) return manifest === true ? "docker-archive" : "oci-layout";
    if (manifest === true) return version === true ? "dir" : "docker-archive";
    return mirror === true ? "oc-image-mirror" : undefined;
}

function isInZarf(folders: ReadonlyMap<string, Markers>, prefix: string): boolean {
    return prefix.endsWith(ZARF_IMAGES) && folders.get(zarfPackageFolder(prefix))?.zarf === true;
}

/** "" and every folder above `a/b/`: `a/`. */
function foldersAbove(prefix: string): string[] {
    const parts = prefix.split("/").slice(0, -2);
    const above = prefix === "" ? [] : [""];
    return [...above, ...parts.map((_, i) => `${parts.slice(0, i + 1).join("/")}/`)];
}
