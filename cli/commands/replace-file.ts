import { chmod, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeFolder } from "../../lib/files/make-folder";

/**
 * Replaces the file at once: a reader never sees half of it.
 * @param mode absent: as the user's umask says
 * @returns its path
 */
export async function replaceFile(path: string, content: string, mode?: number): Promise<string> {
    const temporary = `${path}.${process.pid}.new`;
    try {
        await writeFile(temporary, content);
        if (mode !== undefined) await chmod(temporary, mode);
        await rename(temporary, path);
    } catch (error) {
        await rm(temporary, { force: true });
        throw error;
    }
    return path;
}

/**
 * Replaces files below a folder, which is created if needed.
 * @param files path below the folder -> content
 * @returns their paths
 */
export async function replaceFiles(folder: string, files: Readonly<Record<string, string>>): Promise<string[]> {
    const paths: string[] = [];
    for (const [name, content] of Object.entries(files)) {
        const path = join(folder, name);
        await makeFolder(dirname(path));
        paths.push(await replaceFile(path, content));
    }
    return paths;
}
