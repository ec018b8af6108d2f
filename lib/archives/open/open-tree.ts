import { join } from "node:path";
import { z } from "zod";
import { ArchiveError } from "../../errors/errors";
import type { Archive } from "../archive";
import type { ArchiveRoot } from "./archive-root";
import { archiveRoots } from "./archive-roots";
import { openDir } from "../formats/dir/dir-archive";
import { MAX_MANIFEST_JSON, openDockerArchive } from "../formats/docker-archive/docker-archive";
import { type FileTree, readTreeJson, subTree } from "../files/file-tree";
import { openOcImageMirror } from "../formats/oc-image-mirror/oc-image-mirror-archive";
import { openLayout } from "../formats/oci-layout/oci-layout-archive";
import { OwnedNames } from "./owned-names";

/** The archives in a tree, and which of its files are theirs. */
export interface TreeContents {
    readonly roots: readonly ArchiveRoot[];
    readonly owned: OwnedNames;
}

/** Finds the archives in a tree: one at its root or below a folder, or many side by side. @throws ArchiveError as reading does */
export async function findArchives(tree: FileTree): Promise<TreeContents> {
    const roots: ArchiveRoot[] = [];
    const referenced = new Set<string>();
    for (const root of archiveRoots(tree)) {
        const manifest = root.kind === "docker-archive" ? await readManifestJson(tree, root) : undefined;
        if (!isOther(manifest)) roots.push(root);
        else if (tree.find(`${root.prefix}index.json`) !== undefined) roots.push({ ...root, kind: "oci-layout" });
        for (const name of filesIn(manifest)) referenced.add(`${root.prefix}${name}`);
    }
    return { roots, owned: new OwnedNames(roots, referenced) };
}

/** Opens the archives that were found in a tree. @throws ArchiveError as their formats do */
export async function openArchives(tree: FileTree, roots: readonly ArchiveRoot[]): Promise<readonly Archive[]> {
    const archives: Archive[] = [];
    for (const root of roots) archives.push(await openRoot(tree, root));
    return archives;
}

/** The names at the root of a tree. */
export function topNames(tree: FileTree): ReadonlySet<string> {
    const names = new Set<string>();
    for (const name of tree.names()) names.add(name.split("/", 1)[0] ?? "");
    return names;
}

function openRoot(tree: FileTree, { kind, prefix, isZarf }: ArchiveRoot): Promise<Archive> {
    const below = subTree(tree, prefix);
    const label = prefix === "" ? tree.path : join(tree.path, prefix.slice(0, -1));
    switch (kind) {
        case "oci-layout":
            return openLayout(below, label, prefix.slice(0, -1), isZarf);
        case "docker-archive":
            return openDockerArchive(below, label);
        case "dir":
            return openDir(below, label, prefix.slice(0, -1));
        case "oc-image-mirror":
            return openOcImageMirror(below, label);
    }
}

/** Undefined where it cannot be read: whoever opens the archive says so. */
async function readManifestJson(tree: FileTree, { prefix }: ArchiveRoot): Promise<unknown> {
    try {
        return (await readTreeJson(tree, `${prefix}manifest.json`, MAX_MANIFEST_JSON))?.json;
    } catch (error) {
        if (error instanceof ArchiveError) return undefined;
        throw error;
    }
}

/** Other programs have a `manifest.json` too. An image's own is one of a `dir:` layout whose `version` is missing. */
function isOther(manifest: unknown): boolean {
    const isObject = typeof manifest === "object" && manifest !== null && !Array.isArray(manifest);
    return isObject && !("schemaVersion" in manifest);
}

const items = z.array(z.looseObject({ Config: z.string().nullish(), Layers: z.array(z.string()).nullish() }));

function filesIn(manifest: unknown): string[] {
    return (items.safeParse(manifest).data ?? []).flatMap(({ Config, Layers }) => [
        ...(Config ? [Config] : []),
        ...(Layers ?? []),
    ]);
}
