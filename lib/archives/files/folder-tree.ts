import { opendir, stat } from "node:fs/promises";
import { join } from "node:path";
import { ArchiveError, isMissingFile } from "../../errors/errors";
import type { ArchivePart } from "../../lock";
import { ArchiveFile, type LentFile, unreadable } from "./archive-file";
import type { BlobFile, BlobLocation } from "./archive-source";
import type { FileTree } from "./file-tree";

/** More files than any layout has: a home folder given by mistake. */
const MAX_FILES = 1_000_000;

/** A folder, all its files listed with their sizes; symbolic links are followed as the file system does. */
export class FolderTree implements FileTree {
    readonly path: string;
    readonly #sizes: ReadonlyMap<string, number>;

    private constructor(path: string, sizes: ReadonlyMap<string, number>) {
        this.path = path;
        this.#sizes = sizes;
    }

    /** @throws ArchiveError `ARCHIVE_UNREADABLE`, `ARCHIVE_ENTRY_INVALID` (a link to nothing), `ARCHIVE_TOO_LARGE` */
    static async list(path: string): Promise<FolderTree> {
        const sizes = new Map<string, number>();
        await listInto(sizes, path, "", new Set(), { folders: 0 });
        return new FolderTree(path, new Map([...sizes].sort(([a], [b]) => (a < b ? -1 : 1))));
    }

    names(): Iterable<string> {
        return this.#sizes.keys();
    }

    kindsOfNames(): Iterable<string> {
        return this.names();
    }

    find(name: string): BlobLocation | undefined {
        const size = this.#sizes.get(name);
        return size === undefined ? undefined : { file: new FolderFile(join(this.path, name)), offset: 0, size };
    }

    entryOf(): undefined {
        return undefined;
    }

    partsOf(names: readonly string[]): readonly ArchivePart[] {
        return names.map((name) => ({ name, size: this.#sizes.get(name) ?? 0 }));
    }
}

/** A file of its own: opened for each reading, since a folder may have more of them than there are handles. */
class FolderFile implements BlobFile {
    readonly path: string;

    constructor(path: string) {
        this.path = path;
    }

    async lend(): Promise<LentFile> {
        const file = await ArchiveFile.open(this.path);
        return { file, release: () => file.close() };
    }
}

/** @param above the folders on the way here: a link to one of them would go round for ever */
async function listInto(
    sizes: Map<string, number>,
    root: string,
    below: string,
    above: ReadonlySet<string>,
    count: { folders: number },
): Promise<void> {
    const folder = join(root, below);
    const { dev, ino } = await stat(folder);
    const identity = `${dev} ${ino}`;
    if (above.has(identity)) return;
    // Links may lead to the same folders in very many ways.
    if (++count.folders > MAX_FILES) throw tooMany(root);
    const way = new Set([...above, identity]);
    const entries = await opendir(folder).catch((cause: unknown) => {
        throw unreadable(folder, cause);
    });
    for await (const { name } of entries) {
        const path = join(folder, name);
        const facts = await stat(path).catch((cause: unknown) => {
            throw isMissingFile(cause) ? danglingLink(path) : unreadable(path, cause);
        });
        if (facts.isDirectory()) await listInto(sizes, root, `${below}${name}/`, way, count);
        else if (facts.isFile()) sizes.set(`${below}${name}`, facts.size);
        if (sizes.size > MAX_FILES) throw tooMany(root);
    }
}

function danglingLink(path: string): ArchiveError {
    const fix = "copy what it points to as well, or copy the folder with links followed (cp -rL)";
    const facts = { archive: path, code: "ARCHIVE_ENTRY_INVALID", fix };
    return new ArchiveError("this link leads to nothing", facts);
}

function tooMany(path: string): ArchiveError {
    const fix = "name the folder that holds nothing but the archive";
    const facts = { archive: path, code: "ARCHIVE_TOO_LARGE", fix };
    return new ArchiveError(`there are more than ${MAX_FILES} files or folders below this folder`, facts);
}
