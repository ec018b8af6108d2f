import type { Stats } from "node:fs";
import { opendir, stat } from "node:fs/promises";
import { join } from "node:path";
import { ArchiveError, isMissingFile } from "../../errors/errors";
import type { ArchivePart } from "../../lock";
import { ArchiveFile, type LentFile, unreadable } from "./archive-file";
import type { BlobFile, BlobLocation } from "./archive-source";
import type { FileTree } from "./file-tree";
import { isOcMirrorPart } from "../formats/oc-mirror/part-name";
import { OC_MIRROR_WORKSPACE, WORKSPACE, whyPassedOver } from "../open/passed-folders";

/** More files than any layout has: a home folder given by mistake. */
const MAX_FILES = 1_000_000;

/** A folder, all its files listed with their sizes; symbolic links are followed as the file system does. */
export class FolderTree implements FileTree {
    readonly path: string;
    /** Folders that were not looked into, with the reason. */
    readonly passedOver: ReadonlyMap<string, string>;
    /** Names of what is neither a file nor a folder. */
    readonly special: readonly string[];
    /** True if something was left to whoever was given it by its own path. */
    readonly hasApart: boolean;
    readonly #sizes: ReadonlyMap<string, number>;

    private constructor(listing: FolderListing) {
        this.path = listing.root;
        this.passedOver = listing.passedOver;
        this.special = listing.special;
        this.hasApart = listing.hasApart;
        this.#sizes = new Map([...listing.sizes].sort(([a], [b]) => (a < b ? -1 : 1)));
    }

    /**
     * @param apart absolute paths that are not to be listed: they are opened on their own
     * @throws ArchiveError `ARCHIVE_UNREADABLE`, `ARCHIVE_ENTRY_INVALID` (a link to nothing), `ARCHIVE_TOO_LARGE`
     */
    static async list(path: string, apart: ReadonlySet<string> = new Set()): Promise<FolderTree> {
        const listing = new FolderListing(path, apart);
        await listing.into("", new Set());
        leaveOutWorkspaces(listing);
        return new FolderTree(listing);
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

    entryName(): undefined {
        return undefined;
    }

    lockParts(names: readonly string[]): readonly ArchivePart[] {
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

/** The same for all names of one file or folder. */
export function fileIdentity({ dev, ino }: Pick<Stats, "dev" | "ino">): string {
    return `${dev} ${ino}`;
}

class FolderListing {
    readonly root: string;
    readonly sizes = new Map<string, number>();
    readonly passedOver = new Map<string, string>();
    readonly special: string[] = [];
    hasApart = false;
    readonly #apart: ReadonlySet<string>;
    #folders = 0;

    constructor(root: string, apart: ReadonlySet<string>) {
        this.root = root;
        this.#apart = apart;
    }

    /** @param above the folders on the way here: a link to one of them would go round for ever */
    async into(below: string, above: ReadonlySet<string>): Promise<void> {
        const folder = join(this.root, below);
        const identity = fileIdentity(await stat(folder));
        if (above.has(identity)) return;
        // Links may lead to the same folders in very many ways.
        if (++this.#folders > MAX_FILES) throw tooMany(this.root);
        const way = new Set([...above, identity]);
        const entries = await opendir(folder).catch((cause: unknown) => {
            throw unreadable(folder, cause);
        });
        for await (const { name } of entries) await this.#take(folder, below, name, way);
    }

    async #take(folder: string, below: string, name: string, way: ReadonlySet<string>): Promise<void> {
        const path = join(folder, name);
        if (this.#apart.has(path)) {
            this.hasApart = true;
            return;
        }
        const facts = await stat(path).catch((cause: unknown) => {
            throw isMissingFile(cause) ? danglingLink(path) : unreadable(path, cause);
        });
        if (facts.isFile()) this.sizes.set(`${below}${name}`, facts.size);
        else if (!facts.isDirectory()) this.special.push(`${below}${name}`);
        else {
            const reason = await whyPassedOver(path);
            if (reason === undefined) await this.into(`${below}${name}/`, way);
            else this.passedOver.set(`${below}${name}/`, reason);
        }
        if (this.sizes.size + this.special.length > MAX_FILES) throw tooMany(this.root);
    }
}

/** A workspace of oc-mirror that only the parts beside it show to be one. */
function leaveOutWorkspaces({ sizes, passedOver }: FolderListing): void {
    const workspaces = new Set<string>();
    for (const name of sizes.keys()) {
        const slash = name.lastIndexOf("/") + 1;
        if (isOcMirrorPart(name.slice(slash))) workspaces.add(`${name.slice(0, slash)}${WORKSPACE}/`);
    }
    if (workspaces.size === 0) return;
    for (const name of sizes.keys()) {
        const workspace = [...workspaces].find((folder) => name.startsWith(folder));
        if (workspace === undefined) continue;
        sizes.delete(name);
        passedOver.set(workspace, OC_MIRROR_WORKSPACE);
    }
}

function danglingLink(path: string): ArchiveError {
    const fix = "copy what it points to as well, or copy the folder with links followed (cp -rL)";
    const facts = { archive: path, code: "ARCHIVE_ENTRY_INVALID" as const, fix };
    return new ArchiveError("this link leads to nothing", facts);
}

function tooMany(path: string): ArchiveError {
    const fix = "name the folder that holds nothing but the archive";
    const facts = { archive: path, code: "ARCHIVE_TOO_LARGE" as const, fix };
    return new ArchiveError(`there are more than ${MAX_FILES} files or folders below this folder`, facts);
}
