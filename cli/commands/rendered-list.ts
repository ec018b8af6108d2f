import { readFile, rm, rmdir } from "node:fs/promises";
import { dirname, isAbsolute, join, relative } from "node:path";
import { RENDERED_MARK } from "../../lib/openshift";
import { replaceFile } from "./replace-file";

/**
 * The files that the last `render` of a stack wrote into a folder, which stacks may share. GitOps tools read no file with
 * such an extension.
 */
const listName = (stack: string): string => `.rendered-${stack.replaceAll("/", "+")}`;

/**
 * Deletes what an earlier run rendered into the folder and this one does not, and keeps a list for the next run. Clusters
 * that have another name or are gone, and `site.cluster` that became `site.clusters` or the other way round, leave files
 * in other places: rules that are left behind would still apply. Files that are not on the list are never deleted.
 * @param stack whose files they are: those of other stacks are not touched
 * @param written paths of all files that this run wrote
 * @returns the deleted paths
 */
export async function deleteUnrendered(folder: string, stack: string, written: readonly string[]): Promise<string[]> {
    const paths = written.map((path) => relative(folder, path)).sort();
    const deleted: string[] = [];
    const list = join(folder, listName(stack));
    for (const path of await readList(list)) {
        if (!paths.includes(path) && (await deleteFile(folder, path))) deleted.push(join(folder, path));
    }
    await replaceFile(list, [RENDERED_MARK, ...paths, ""].join("\n"));
    return deleted;
}

/** Relative paths; none without a list. */
async function readList(list: string): Promise<string[]> {
    try {
        const [, ...paths] = (await readFile(list, "utf8")).split("\n");
        return paths.filter((path) => path !== "" && isBelow(path));
    } catch (error) {
        if (hasCode(error, "ENOENT")) return [];
        throw error;
    }
}

/** The list may have been edited: it must lead nowhere else. */
function isBelow(path: string): boolean {
    return !isAbsolute(path) && !path.split(/[/\\]/).includes("..");
}

/** Deletes a file, and the folders below `folder` that are empty then. @returns false if it does not exist */
async function deleteFile(folder: string, path: string): Promise<boolean> {
    try {
        await rm(join(folder, path));
    } catch (error) {
        if (hasCode(error, "ENOENT", "ENOTDIR", "ERR_FS_EISDIR")) return false;
        throw error;
    }
    for (let parent = dirname(path); parent !== "."; parent = dirname(parent)) {
        try {
            await rmdir(join(folder, parent));
        } catch (error) {
            if (hasCode(error, "ENOTEMPTY", "EEXIST", "ENOTDIR")) break;
            throw error;
        }
    }
    return true;
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
    return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
