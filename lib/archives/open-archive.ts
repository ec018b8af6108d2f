import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { ArchiveError } from "../oci/errors";
import type { Archive } from "./archive";
import { ArchiveFile, COPY_AGAIN, unreadable } from "./archive-file";
import { expandPaths } from "./archive-paths";
import { combineArchives } from "./combined-archive";
import { FolderTree } from "./folder-tree";
import { refuseByName, refuseCompressed, refuseV1Folder } from "./foreign-format";
import { isOcMirrorPart, openOcMirror } from "./oc-mirror/oc-mirror-archive";
import { openTree } from "./open-tree";
import { indexTarNames } from "./tar/listing";
import { TarTree } from "./tar/tar-tree";

export interface OpenOptions {
    readonly signal?: AbortSignal;
}

/**
 * Opens and indexes a set of archives, of one format or of several; nothing is unpacked.
 * @param paths files, folders and patterns (`*`, `?`, `**`). Files `mirror_NNNNNN.tar` are the parts of one oc-mirror v2
 * run, wherever they lie; every other file or folder is an archive of its own. Relative paths are against the working
 * directory.
 * @throws ArchiveError `ARCHIVE_NOT_FOUND`, `ARCHIVE_UNREADABLE`, `ARCHIVE_TRUNCATED`, `ARCHIVE_CORRUPT`,
 * `ARCHIVE_ENTRY_INVALID`, `ARCHIVE_TOO_LARGE`, `ARCHIVE_INCOMPLETE`, `ARCHIVE_MIXED`, `ARCHIVE_METADATA_INVALID`,
 * `ARCHIVE_FORMAT_UNSUPPORTED`
 */
export async function openArchive(paths: string | readonly string[], options: OpenOptions = {}): Promise<Archive> {
    const given = await expandPaths(typeof paths === "string" ? [paths] : paths);
    const opening = new SetOpening(given.join(" "), options.signal);
    try {
        for (const path of given) await opening.add(path);
        return await opening.finish();
    } catch (error) {
        await opening.abandon();
        throw error;
    }
}

class SetOpening {
    readonly #label: string;
    readonly #signal: AbortSignal | undefined;
    readonly #opened: ArchiveFile[] = [];
    readonly #parts: ArchiveFile[] = [];
    readonly #archives: Archive[] = [];

    constructor(label: string, signal: AbortSignal | undefined) {
        this.#label = label;
        this.#signal = signal;
    }

    async add(path: string): Promise<void> {
        const facts = await stat(path).catch((cause: unknown) => {
            throw unreadable(path, cause);
        });
        if (facts.isDirectory()) return this.#addFolder(path);
        if (facts.isFile()) return this.#addFile(path);
        const cure = "give a file: an archive is read at offsets, which a pipe does not have";
        const what = "this is neither a file nor a folder";
        throw new ArchiveError(what, { archive: path, code: "ARCHIVE_UNREADABLE", cure });
    }

    async finish(): Promise<Archive> {
        const archives = [...this.#archives];
        if (this.#parts.length > 0) archives.unshift(await openOcMirror(this.#label, this.#parts, this.#signal));
        return combineArchives(this.#label, archives);
    }

    async abandon(): Promise<void> {
        await Promise.all(this.#opened.map((file) => file.close()));
    }

    async #addFolder(path: string): Promise<void> {
        const names = await readdir(path).catch((cause: unknown) => {
            throw unreadable(path, cause);
        });
        const parts = names.filter(isOcMirrorPart);
        for (const name of parts) this.#parts.push(await this.#open(join(path, name)));
        if (parts.length > 0) return;
        refuseV1Folder(path, names);
        this.#archives.push(...(await openTree(await FolderTree.list(path))));
    }

    async #addFile(path: string): Promise<void> {
        const file = await this.#open(path);
        if (isOcMirrorPart(file.name)) {
            this.#parts.push(file);
            return;
        }
        const listing = await indexTarNames(file, this.#signal);
        if (listing === "oc-mirror") {
            this.#parts.push(file);
            return;
        }
        const archives = await openTree(new TarTree(file, listing.entries));
        const close = async (): Promise<void> => file.close();
        this.#archives.push(
            ...archives.map((archive) => ({ ...archive, warnings: [...listing.warnings, ...archive.warnings], close })),
        );
    }

    async #open(path: string): Promise<ArchiveFile> {
        refuseByName(path);
        const file = await ArchiveFile.open(path);
        this.#opened.push(file);
        if (file.size === 0) {
            throw new ArchiveError("the file is empty", { archive: path, code: "ARCHIVE_TRUNCATED", cure: COPY_AGAIN });
        }
        await refuseCompressed(file);
        return file;
    }
}
