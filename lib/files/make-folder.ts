import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes a folder and those above it that do not exist. As `mkdir` of Node.js with `recursive`, which asks again without end
 * where a file system has no place for a new folder, as /proc (seen with Node.js 20 and 24).
 * @param mode permissions of the new ones, before the umask
 * @throws the error of the system
 */
export async function makeFolder(path: string, mode = 0o777): Promise<void> {
    try {
        await mkdir(path, { mode });
    } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "EEXIST" && (await isFolder(path))) return;
        const parent = dirname(path);
        if (code !== "ENOENT" || (await isFolder(parent))) throw error;
        await makeFolder(parent, mode);
        await makeFolder(path, mode);
    }
}

async function isFolder(path: string): Promise<boolean> {
    return stat(path).then(
        (found) => found.isDirectory(),
        () => false,
    );
}
