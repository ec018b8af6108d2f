import { createHash } from "node:crypto";
import { readFile, realpath, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { RENDERED_MARK } from "../../lib/openshift";
import { replaceFile } from "./replace-file";

/** A file that the last `render` of a stack wrote and that is still there. */
interface ListedFile {
    /** Below the folder. */
    readonly path: string;
    /** SHA-256 of what was written, hex; undefined in a list that has none. */
    readonly written: string | undefined;
    /** SHA-256 of what it holds now; undefined for a file that is not below the folder. */
    readonly now: string | undefined;
}

/** The files of the last `render`, read before the next one writes. */
export interface RenderedList {
    readonly folder: string;
    /** Its path. Stacks may share a folder. */
    readonly list: string;
    readonly files: readonly ListedFile[];
}

/** What became of files that somebody may miss; paths with the folder. */
export interface RenderedChanges {
    readonly deleted: readonly string[];
    /** Not rendered any more, but changed since they were, or not below the folder. */
    readonly kept: readonly string[];
    /** Rendered again, over what somebody had changed. */
    readonly overwritten: readonly string[];
}

/** @returns a list without files if there is none */
export async function readRenderedList(folder: string, stack: string): Promise<RenderedList> {
    // GitOps tools read no file with such an extension; `sha256sum -c` does.
    const list = join(folder, `.rendered-${stack.replaceAll("/", "+")}`);
    const lines = (await readList(list)).split("\n");
    const files: ListedFile[] = [];
    for (const line of lines.filter((text) => text !== "" && text !== RENDERED_MARK)) {
        const [, written, path = line] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
        const found = await findFile(folder, path);
        if (found !== undefined) files.push({ path, written, ...found });
    }
    return { folder, list, files };
}

/**
 * Deletes what the list has and this run did not write, and writes the list for the next run. Clusters that have another
 * name or are gone, and keys that were taken out of the site, leave such files: rules that are left behind would still
 * apply. A file that is not on the list is never deleted, nor one that was changed: it stays on the list until it is gone.
 * @param rendered what this run wrote: path below the folder -> content
 */
export async function replaceRenderedList(
    { folder, list, files }: RenderedList,
    rendered: Readonly<Record<string, string>>,
): Promise<RenderedChanges> {
    const sums = new Map(Object.entries(rendered).map(([path, content]) => [path, sumOf(content)]));
    const left = files.filter(({ path }) => !sums.has(path));
    const deleted = left.filter(({ written, now }) => now !== undefined && now === written);
    for (const { path } of deleted) await deleteFile(folder, path);
    const kept = left.filter((file) => !deleted.includes(file));
    const overwritten = files.filter(({ path, written, now }) => {
        const isChanged = written !== undefined && now !== undefined && now !== written;
        return isChanged && sums.has(path) && sums.get(path) !== now;
    });
    const all = [...sums, ...kept.map(({ path, written }) => [path, written] as const)];
    const lines = all
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([path, sum]) => (sum === undefined ? path : `${sum}  ${path}`));
    await replaceFile(list, [RENDERED_MARK, ...lines, ""].join("\n"));
    const named = (some: readonly ListedFile[]): string[] => some.map(({ path }) => join(folder, path));
    return { deleted: named(deleted), kept: named(kept), overwritten: named(overwritten) };
}

async function readList(list: string): Promise<string> {
    try {
        return await readFile(list, "utf8");
    } catch (error) {
        if (hasCode(error, "ENOENT")) return "";
        throw error;
    }
}

/**
 * The list may have been edited, and a file or folder replaced by a link: nothing elsewhere is read or deleted.
 * @returns undefined if there is no such file
 */
async function findFile(folder: string, path: string): Promise<Pick<ListedFile, "now"> | undefined> {
    const file = join(folder, path);
    try {
        if ((await stat(file)).isDirectory()) return undefined;
        const isBelow = (await realpath(file)).startsWith(`${await realpath(folder)}${sep}`);
        return { now: isBelow ? sumOf(await readFile(file)) : undefined };
    } catch (error) {
        if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
        throw error;
    }
}

function sumOf(content: Buffer | string): string {
    return createHash("sha256").update(content).digest("hex");
}

/** Deletes a file, and the folders below `folder` that are empty then. */
async function deleteFile(folder: string, path: string): Promise<void> {
    await rm(join(folder, path), { force: true });
    for (let parent = dirname(path); parent !== "."; parent = dirname(parent)) {
        try {
            await rmdir(join(folder, parent));
        } catch (error) {
            if (hasCode(error, "ENOTEMPTY", "EEXIST", "ENOTDIR", "ENOENT")) break;
            throw error;
        }
    }
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
    return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
