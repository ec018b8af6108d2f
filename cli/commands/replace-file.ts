import { rename, writeFile } from "node:fs/promises";

/** Replaces the file at once: a reader never sees half of it. @returns its path */
export async function replaceFile(path: string, content: string): Promise<string> {
    const temporary = `${path}.new`;
    await writeFile(temporary, content);
    await rename(temporary, path);
    return path;
}
