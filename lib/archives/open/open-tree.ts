import { join } from "node:path";
import type { Archive } from "../archive";
import { type ArchiveRoot, archiveRoots } from "./archive-roots";
import { openDir } from "../formats/dir/dir-archive";
import { openDockerArchive } from "../formats/docker-archive/docker-archive";
import { type FileTree, subTree } from "../files/file-tree";
import { refuseNames } from "./foreign-format";
import { openOcImageMirror } from "../formats/oc-image-mirror/oc-image-mirror-archive";
import { openLayout } from "../formats/oci-layout/oci-layout-archive";

/**
 * Opens every archive in a tree: one at its root or below a folder, or many side by side.
 * @returns at least one @throws ArchiveError `ARCHIVE_FORMAT_UNSUPPORTED` and those of the formats
 */
export async function openTree(tree: FileTree): Promise<readonly Archive[]> {
    const roots = archiveRoots(tree);
    if (roots.length === 0) throw refuseNames(tree.path, topNames(tree));
    const archives: Archive[] = [];
    for (const root of roots) archives.push(await openRoot(tree, root));
    return archives;
}

function openRoot(tree: FileTree, { kind, prefix, isZarf }: ArchiveRoot): Promise<Archive> {
    const below = subTree(tree, prefix);
    const label = prefix === "" ? tree.path : join(tree.path, prefix.slice(0, -1));
    switch (kind) {
        case "oci-layout":
            return openLayout(below, label, isZarf);
        case "docker-archive":
            return openDockerArchive(below, label);
        case "dir":
            return openDir(below, label, prefix.slice(0, -1));
        case "oc-image-mirror":
            return openOcImageMirror(below, label);
    }
}

function topNames(tree: FileTree): ReadonlySet<string> {
    const names = new Set<string>();
    for (const name of tree.names()) names.add(name.split("/", 1)[0] ?? "");
    return names;
}
