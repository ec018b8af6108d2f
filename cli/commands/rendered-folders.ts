import { open, readdir, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { ACCESS_FOLDER, RENDERED_MARK, ROLES_FOLDER, TARGETS } from "../../lib/openshift";
import { replaceFiles } from "./replace-file";

/** The folders below that of a stack that hold rendered files only, besides what others put there. */
const FOLDERS: readonly string[] = [...TARGETS, ACCESS_FOLDER, ROLES_FOLDER];

/**
 * Writes the files that have folders of their own (`cluster.targets`, `networkAccess`, `cluster.roles`), and deletes what an earlier run
 * rendered and this one does not: a rule that is left behind would still apply. Files without the mark of a rendered file are never deleted.
 * @param files path below the folder -> content
 * @returns the written paths
 */
export async function writeFolders(folder: string, files: Readonly<Record<string, string>>): Promise<string[]> {
    const written = await replaceFiles(folder, files);
    for (const name of FOLDERS) {
        for (const path of await listFiles(join(folder, name))) {
            if (files[relative(folder, path)] === undefined && (await isRendered(path))) await rm(path);
        }
    }
    return written;
}

async function listFiles(folder: string): Promise<string[]> {
    try {
        const entries = await readdir(folder, { recursive: true, withFileTypes: true });
        return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
        throw error;
    }
}

async function isRendered(path: string): Promise<boolean> {
    const file = await open(path);
    try {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(RENDERED_MARK.length), 0, RENDERED_MARK.length, 0);
        return buffer.toString("utf8", 0, bytesRead) === RENDERED_MARK;
    } finally {
        await file.close();
    }
}
