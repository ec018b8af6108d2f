import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { ArchiveError } from "../../errors/errors";
import type { Archive } from "../archive";
import { ArchiveFile, COPY_AGAIN, unreadable } from "../files/archive-file";
import { expandPaths } from "./archive-paths";
import { combineArchives } from "./combined-archive";
import { FolderTree } from "../files/folder-tree";
import { compressionOf } from "../packed/compression";
import { refuseByName, refuseV1Folder } from "./foreign-format";
import { isOcMirrorPart, openOcMirror } from "../formats/oc-mirror/oc-mirror-archive";
import { openTree } from "./open-tree";
import { type SplitFile, findSplit, missingBeside } from "../packed/split-file";
import { indexTarNames } from "../tar/listing";
import { TarTree } from "../tar/tar-tree";
import { type PackedFiles, type UnpackOptions, unpackFiles } from "../packed/unpacked-file";

/** `limit` and `temporaryFolder` are for files that are compressed or split. */
export type OpenOptions = UnpackOptions;

/**
 * Opens and indexes a set of archives, of one format or of several. Plain tars and folders are read where they lie; what
 * is compressed (gzip, zstd) or split is unpacked to a temporary file first, which is gone when it is closed.
 * @param paths files, folders and patterns (`*`, `?`, `**`). Files `mirror_NNNNNN.tar` are the parts of one oc-mirror v2
 * run, wherever they lie; every other file or folder is an archive of its own. Relative paths are against the working
 * directory.
 * @throws ArchiveError `ARCHIVE_NOT_FOUND`, `ARCHIVE_UNREADABLE`, `ARCHIVE_TRUNCATED`, `ARCHIVE_CORRUPT`,
 * `ARCHIVE_ENTRY_INVALID`, `ARCHIVE_TOO_LARGE`, `ARCHIVE_INCOMPLETE`, `ARCHIVE_MIXED`, `ARCHIVE_METADATA_INVALID`,
 * `ARCHIVE_FORMAT_UNSUPPORTED`, `ARCHIVE_NO_SPACE`, `ARCHIVE_DIGEST_MISMATCH` (the joined pieces)
 */
export async function openArchive(paths: string | readonly string[], options: OpenOptions = {}): Promise<Archive> {
    const given = await expandPaths(typeof paths === "string" ? [paths] : paths);
    const opening = new SetOpening(given.join(" "), options);
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
    readonly #options: OpenOptions;
    readonly #opened: ArchiveFile[] = [];
    readonly #parts: ArchiveFile[] = [];
    readonly #archives: Archive[] = [];
    readonly #warnings: string[] = [];
    /** Pieces that another one of their file has brought already. */
    readonly #joined = new Set<string>();

    constructor(label: string, options: OpenOptions) {
        this.#label = label;
        this.#options = options;
    }

    async add(path: string): Promise<void> {
        const facts = await stat(path).catch((cause: unknown) => {
            throw unreadable(path, cause);
        });
        if (facts.isDirectory()) return this.#addFolder(path);
        if (facts.isFile()) return this.#addFile(path);
        const fix = "give a file: an archive is read at offsets, which a pipe does not have";
        const what = "this is neither a file nor a folder";
        throw new ArchiveError(what, { archive: path, code: "ARCHIVE_UNREADABLE", fix });
    }

    async finish(): Promise<Archive> {
        const archives = [...this.#archives];
        if (this.#parts.length > 0)
            archives.unshift(await openOcMirror(this.#label, this.#parts, this.#options.signal));
        const combined = combineArchives(this.#label, archives);
        return { ...combined, warnings: [...this.#warnings, ...combined.warnings] };
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
        if (this.#joined.has(path)) return;
        const split = isOcMirrorPart(basename(path)) ? undefined : await findSplit(path, this.#options.signal);
        try {
            await this.#addWhole(split === undefined ? await this.#open(path) : await this.#join(split));
        } catch (error) {
            throw withMissing(error, missingBeside(path, split));
        }
    }

    async #addWhole(file: ArchiveFile): Promise<void> {
        if (isOcMirrorPart(file.name)) {
            this.#parts.push(file);
            return;
        }
        const listing = await indexTarNames(file, this.#options.signal);
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
            throw new ArchiveError("the file is empty", { archive: path, code: "ARCHIVE_TRUNCATED", fix: COPY_AGAIN });
        }
        const compression = await compressionOf({ file, offset: 0, size: file.size });
        return compression === undefined ? file : this.#unpack({ path, files: [file], parts: file.parts, compression });
    }

    /** All pieces of a split file; whole, it is most often compressed too. */
    async #join(split: SplitFile): Promise<ArchiveFile> {
        const files: ArchiveFile[] = [];
        for (const piece of split.pieces) {
            this.#joined.add(piece);
            const file = await ArchiveFile.open(piece);
            this.#opened.push(file);
            files.push(file);
        }
        checkBytes(split, files);
        const [first] = files;
        const compression = first && (await compressionOf({ file: first, offset: 0, size: first.size }));
        const parts = files.flatMap((file) => file.parts);
        return this.#unpack({ path: split.path, files, parts, compression, sha256: split.sha256 });
    }

    async #unpack(packed: PackedFiles): Promise<ArchiveFile> {
        const plain = await unpackFiles(packed, this.#options);
        this.#opened.push(plain);
        await Promise.all(packed.files.map((file) => file.close()));
        const how = packed.compression === undefined ? "split" : `compressed with ${packed.compression}`;
        this.#warnings.push(
            `${packed.path} is ${how}: it is unpacked to a temporary file of ${plain.size} bytes each time it is read`,
        );
        return plain;
    }
}

/** What cannot be read as it is may be cut in pieces: the error says so, and stays what it is otherwise. */
function withMissing(error: unknown, hint: string | undefined): unknown {
    const isCut = error instanceof ArchiveError && /^ARCHIVE_(TRUNCATED|CORRUPT|FORMAT_UNSUPPORTED)$/.test(error.code);
    if (!isCut || hint === undefined) return error;
    const { archive, code, message } = error;
    return new ArchiveError(`${hint}: copy all pieces into one folder. Of what is here: ${message}`, {
        archive,
        code,
        cause: error,
    });
}

function checkBytes({ path, bytes }: SplitFile, files: readonly ArchiveFile[]): void {
    const found = files.reduce((sum, { size }) => sum + size, 0);
    if (bytes === undefined || bytes === found) return;
    throw new ArchiveError(`the pieces have ${found} bytes, they should have ${bytes}`, {
        archive: path,
        code: "ARCHIVE_TRUNCATED",
        fix: COPY_AGAIN,
    });
}
