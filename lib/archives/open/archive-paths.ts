import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ArchiveError, isMissingFile } from "../../errors/errors";
import { unreadable } from "../files/archive-file";
import { NamePattern } from "../../mirror/name-pattern";

/**
 * The files and folders that the paths of a set mean, absolute, each once. A path with `*`, `?` or `**` is a pattern
 * (docs/archives.md, "Patterns") unless a file of just that name exists. Patterns skip checksums and detached signatures,
 * which lie beside archives, and follow links to folders, but not below `**`. Relative paths are resolved against the
 * working directory.
 * @throws ArchiveError `ARCHIVE_NOT_FOUND` if no path is given, or a pattern matches nothing; `ARCHIVE_UNREADABLE` if a
 * folder in which the pattern may match cannot be read
 */
export async function expandPaths(paths: readonly string[]): Promise<readonly string[]> {
    const found = new Set<string>();
    for (const path of paths.map((given) => resolve(given))) {
        const isPattern = /[*?]/.test(path) && !(await exists(path));
        const matches = isPattern ? await findMatches(path) : [path];
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

async function findMatches(path: string): Promise<string[]> {
    const parts = path.split("/");
    const first = parts.findIndex((part) => /[*?]/.test(part));
    const base = parts.slice(0, first).join("/") || "/";
    const pattern = new NamePattern(parts.slice(first).join("/"));
    // Below `**` a link might lead round in a circle.
    const followsLinks = !parts.some((part) => part.includes("**"));
    const found: string[] = [];
    const look = async (below: string): Promise<void> => {
        for (const entry of await readFolder(join(base, below))) {
            const name = below === "" ? entry.name : `${below}/${entry.name}`;
            if (pattern.matches(name) && !isChecksum(name)) found.push(name);
            if (!pattern.mayMatchBelow(name)) continue;
            const isLink = followsLinks && entry.isSymbolicLink();
            if (entry.isDirectory() || (isLink && (await isFolder(join(base, name))))) await look(name);
        }
    };
    await look("");
    return found.sort().map((name) => join(base, name));
}

async function readFolder(folder: string): Promise<Dirent[]> {
    return readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
        if (isMissingFile(cause)) return [];
        throw unreadable(folder, cause);
    });
}

/** False for a link to nothing, and for a file. */
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
        code: "ARCHIVE_NOT_FOUND" as const,
        fix: "name a file, a folder or a pattern that matches some",
    };
    return new ArchiveError(what, facts);
}
