import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ArchiveError, isMissingFile } from "../../errors/errors";
import { unreadable } from "../files/archive-file";
import { globOf } from "../naming/override";

/**
 * The files and folders that the paths of a set mean, absolute, each once. `*`, `?` and `**` are patterns, unless there
 * is a file of just that name; they pass over checksums and detached signatures, which lie beside archives, and follow links
 * to folders, but not below `**`. Relative paths are against the working directory.
 * @throws ArchiveError `ARCHIVE_NOT_FOUND` if there is no path, or a pattern matches nothing
 */
export async function expandPaths(paths: readonly string[]): Promise<readonly string[]> {
    const found = new Set<string>();
    for (const path of paths.map((given) => resolve(given))) {
        const isPattern = /[*?]/.test(path) && !(await exists(path));
        const matches = isPattern ? await matchesOf(path) : [path];
        if (matches.length === 0) throw notFound(path, "nothing matches this pattern");
        for (const match of matches) found.add(match);
    }
    if (found.size === 0) throw notFound("(none)", "no path is given");
    return [...found];
}

/** `app.tar.sha256`, `SHA256SUMS`, `app.tar.asc`: by their names, what is written beside an archive to check it. */
const CHECKSUM =
    /\.(?:md5|sha1|sha256|sha512)(?:sums?)?$|\.(?:asc|sig|minisig)$|(?:^|\/)(?:MD5|SHA\d+)SUMS?(?:\.\w+)?$/;

/** True for the name of what is written beside an archive to check it. */
export function isChecksum(name: string): boolean {
    return CHECKSUM.test(name);
}

async function matchesOf(pattern: string): Promise<string[]> {
    const parts = pattern.split("/");
    const first = parts.findIndex((part) => /[*?]/.test(part));
    const base = parts.slice(0, first).join("/") || "/";
    const isDeep = parts.includes("**");
    const wanted = globOf(parts.slice(first).join("/"));
    const names = await namesBelow(base, "", isDeep ? Infinity : parts.length - first);
    return names
        .filter((name) => wanted.test(name) && !isChecksum(name))
        .sort()
        .map((name) => join(base, name));
}

async function namesBelow(base: string, below: string, depth: number): Promise<string[]> {
    const folder = join(base, below);
    const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
        if (isMissingFile(cause)) return [];
        throw unreadable(folder, cause);
    });
    const names: string[] = [];
    for (const entry of entries) {
        const name = below === "" ? entry.name : `${below}/${entry.name}`;
        names.push(name);
        if (depth > 1 && (entry.isDirectory() || (isLinked(entry, depth) && (await isFolder(join(base, name))))))
            names.push(...(await namesBelow(base, name, depth - 1)));
    }
    return names;
}

/** A link that a pattern of so many parts goes through; one without end might go round for ever. */
function isLinked(entry: Dirent, depth: number): boolean {
    return depth !== Infinity && entry.isSymbolicLink();
}

/** A link to nothing is no folder. */
async function isFolder(path: string): Promise<boolean> {
    return stat(path).then(
        (facts) => facts.isDirectory(),
        () => false,
    );
}

async function exists(path: string): Promise<boolean> {
    return stat(path).then(
        () => true,
        () => false,
    );
}

function notFound(path: string, what: string): ArchiveError {
    const facts = {
        archive: path,
        code: "ARCHIVE_NOT_FOUND",
        fix: "name a file, a folder or a pattern that matches some",
    };
    return new ArchiveError(what, facts);
}
