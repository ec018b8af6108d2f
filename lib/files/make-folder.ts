import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes a folder and those above it that do not exist. As `mkdir` of Node.js with `recursive`, which asks again without end
 * where a file system has no place for a new folder, as /proc (seen with Node.js 20 and 24).
 * @throws the error of the system
 */
export async function makeFolder(path: string): Promise<void> {
    try {
        await mkdir(path);
    } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "EEXIST" && (await isFolder(path))) return;
        const parent = dirname(path);
        if (code !== "ENOENT" || (await isFolder(parent))) throw error;
        await makeFolder(parent);
        await makeFolder(path);
    }
}

async function isFolder(path: string): Promise<boolean> {
    return stat(path).then(
        (found) => found.isDirectory(),
        () => false,
    );
}
