import { oneLine } from "../../errors/text";
import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { debug } from "../../debug/debug";
import type { ErrorCode } from "../../errors/codes";
import { ArchiveError } from "../../errors/errors";
import type { Archive } from "../archive";
import { type OpenFile, unreadable } from "../files/archive-file";
import { expandPaths } from "./archive-paths";
import { FileOpener, type OpenOptions, type OpenedFile } from "./file-opener";
import { combineArchives } from "./combined-archive";
import { type FolderContents, contentsOfFolder } from "./folder-contents";
import { FolderNotes } from "./folder-notes";
import { FolderTree, fileIdentity } from "../files/folder-tree";
import { refuseNames } from "./foreign-format";
import { openOcMirror } from "../formats/oc-mirror/oc-mirror-archive";
import { isOcMirrorPart } from "../formats/oc-mirror/part-name";
import { openArchives, topNames } from "./open-tree";
import { whyOcMirrors } from "./passed-folders";
import { type PiecesHint, type SplitFile, SplitFinder, missingBeside } from "../packed/split-file";
import { indexTarNames } from "../tar/listing";
import { TarTree } from "../tar/tar-tree";
import { openTarContents } from "./tar-contents";

/**
 * Opens and indexes a set of archives, of one format or of several. Plain tars and folders are read where they lie. What
 * is compressed (gzip, zstd) is read to its end, as a stream: what is small is kept in memory, and what is not is unpacked
 * again when it is asked for, so its blobs are best taken as they pass (`passing`).
 * @param paths files, folders and patterns (`*`, `?`, `**`). A file is an archive, or a piece of one. Of a folder and
 * those below it, every file and folder that is an archive is read, and all else is named in the warnings. Files
 * `mirror_NNNNNN.tar` are the parts of one oc-mirror v2 run, wherever they lie. Relative paths are against the working
 * directory.
 * @throws ArchiveError `ARCHIVE_NOT_FOUND`, `ARCHIVE_UNREADABLE`, `ARCHIVE_TRUNCATED`, `ARCHIVE_CORRUPT`,
 * `ARCHIVE_ENTRY_INVALID`, `ARCHIVE_TOO_LARGE`, `ARCHIVE_INCOMPLETE`, `ARCHIVE_PARTS_MIXED`, `ARCHIVE_METADATA_INVALID`,
 * `ARCHIVE_FORMAT_UNSUPPORTED`, `ARCHIVE_DIGEST_MISMATCH` (the joined pieces)
 */
export async function openArchive(paths: string | readonly string[], options: OpenOptions = {}): Promise<Archive> {
    const given = await expandPaths(typeof paths === "string" ? [paths] : paths);
    debug("archive", () => `${String(paths)} is ${given.join(", ")}`);
    const opening = new SetOpening(given, options);
    try {
        await opening.run();
        return await opening.finish();
    } catch (error) {
        await opening.abandon();
        throw error;
    }
}

class SetOpening {
    readonly #given: ReadonlySet<string>;
    readonly #label: string;
    readonly #options: OpenOptions;
    readonly #splits: SplitFinder;
    readonly #opener: FileOpener;
    readonly #parts: OpenFile[] = [];
    readonly #archives: Archive[] = [];
    readonly #warnings: string[] = [];
    /** Pieces that were read with another piece of their file. */
    readonly #joined = new Set<string>();
    /** Files that are read already, by device and inode: a folder may have them by other names. */
    readonly #identities = new Set<string>();

    constructor(given: readonly string[], options: OpenOptions) {
        this.#given = new Set(given);
        this.#label = given.join(" ");
        this.#options = options;
        this.#opener = new FileOpener(options);
        this.#splits = new SplitFinder(options.signal);
    }

    /** Files come first: folders are then not asked for the pieces of them. */
    async run(): Promise<void> {
        const folders: string[] = [];
        for (const path of this.#given) {
            const facts = await stat(path).catch((cause: unknown) => {
                throw unreadable(path, cause);
            });
            if (facts.isDirectory()) folders.push(path);
            else if (facts.isFile()) {
                this.#identities.add(fileIdentity(facts));
                await this.#addFile(path);
            } else throw noFile(path);
        }
        for (const folder of folders) await this.#addFolder(folder);
    }

    async finish(): Promise<Archive> {
        const archives = [...this.#archives];
        if (this.#parts.length > 0)
            archives.unshift(
                await openOcMirror(this.#labelOfParts(), this.#parts, this.#opener.passedParts, this.#options.signal),
            );
        const combined = combineArchives(this.#label, archives);
        for (const { label, format } of archives) debug("archive", () => `${label}: ${format}`);
        // They quote names of files and entries.
        return { ...combined, warnings: [...this.#warnings, ...combined.warnings].map(oneLine) };
    }

    /** Beside others, the parts are not all that was given. */
    #labelOfParts(): string {
        if (this.#archives.length === 0) return this.#label;
        const paths = this.#parts.map(({ path }) => path);
        return paths.length === 1 ? paths.join() : [...new Set(paths.map((path) => dirname(path)))].join(" ");
    }

    async abandon(): Promise<void> {
        await this.#opener.close();
    }

    async #addFolder(path: string): Promise<void> {
        const reason = await whyOcMirrors(path);
        if (reason !== undefined) return this.#passOver(path, reason);
        const tree = await FolderTree.list(path, this.#given);
        const contents = await contentsOfFolder(tree, this.#splits, this.#joined, this.#identities);
        this.#archives.push(...(await openArchives(tree, contents.roots)));
        for (const part of contents.parts) this.#parts.push((await this.#opener.open(part)).file);
        const notes = new FolderNotes(tree, contents.others);
        for (const { path: file, split } of contents.archives) {
            if (!(await this.#addFound(path, file, split))) notes.addEmpty(file);
        }
        if (this.#isNothing(tree, contents, notes)) throw refuseNames(path, topNames(tree), notes.text());
        this.#warnings.push(...notes.sentences());
    }

    /** A pattern may match oc-mirror's workspace; who names nothing else has mistaken it for the archive. */
    #passOver(path: string, reason: string): void {
        if (this.#given.size > 1) {
            this.#warnings.push(`${path} is left out: it is ${reason}`);
            return;
        }
        const fix = "give the folder that holds the parts mirror_000001.tar …";
        throw new ArchiveError(`this is ${reason}`, { archive: path, code: "ARCHIVE_FORMAT_UNSUPPORTED", fix });
    }

    /** What is read by another path is something, if nothing else is. */
    #isNothing(tree: FolderTree, { roots, parts, archives, hasKnown }: FolderContents, notes: FolderNotes): boolean {
        return roots.length + parts.length === 0 && archives.length === notes.empty && !tree.hasApart && !hasKnown;
    }

    /** An archive that a folder was found to hold. @returns false if it has no images */
    async #addFound(folder: string, path: string, split: SplitFile | undefined): Promise<boolean> {
        try {
            return await this.#addWhole(path, split);
        } catch (error) {
            throw inFolder(error, folder);
        }
    }

    async #addFile(path: string): Promise<void> {
        if (this.#joined.has(path)) return;
        const split = isOcMirrorPart(basename(path)) ? undefined : await this.#splits.find(path);
        if (!(await this.#addWhole(path, split))) throw refuseNames(path, new Set());
    }

    /** @returns false for a whole tar without an image in it */
    async #addWhole(path: string, split: SplitFile | undefined): Promise<boolean> {
        try {
            for (const member of split?.members ?? []) this.#joined.add(member);
            return await this.#take(await (split === undefined ? this.#opener.open(path) : this.#opener.join(split)));
        } catch (error) {
            throw withMissing(error, await missingBeside(path, split));
        }
    }

    async #take({ file, warnings, listing: known, lack }: OpenedFile): Promise<boolean> {
        const isPart = known === undefined && isOcMirrorPart(file.name);
        const listing = isPart ? undefined : (known ?? (await indexTarNames(file, { signal: this.#options.signal })));
        if (listing === undefined || listing.entries === "oc-mirror") {
            this.#parts.push(file);
            this.#warnings.push(...warnings);
            return true;
        }
        const found = await openTarContents(new TarTree(file, listing.entries), listing.warnings, lack);
        if (found === undefined) {
            await file.close();
            return false;
        }
        const close = async (): Promise<void> => file.close();
        this.#archives.push(
            ...found.archives.map((archive) => ({
                ...archive,
                warnings: [...found.notes, ...archive.warnings],
                close,
            })),
        );
        this.#warnings.push(...warnings);
        return true;
    }
}

function noFile(path: string): ArchiveError {
    const fix = "give a file: an archive is read at offsets, which a pipe does not have";
    const what = "this is neither a file nor a folder";
    return new ArchiveError(what, { archive: path, code: "ARCHIVE_UNREADABLE", fix });
}

/** What lies in a folder may have come there by mistake: the error says what to do then, and stays what it is otherwise. */
function inFolder(error: unknown, folder: string): unknown {
    if (!(error instanceof ArchiveError)) return error;
    const { archive, entry, offset, code, thing, problem, fix } = error;
    const remove = `take it out of ${folder} if it is not to be read`;
    return new ArchiveError(problem, {
        ...{ archive, entry, offset, code, thing },
        fix: fix === undefined ? remove : `${fix}; or ${remove}`,
        cause: error,
    });
}

const CUT_CODES = new Set<ErrorCode>(["ARCHIVE_TRUNCATED", "ARCHIVE_CORRUPT", "ARCHIVE_FORMAT_UNSUPPORTED"]);

/** What cannot be read as it is may be cut in pieces: the error says so, and stays what it is otherwise. */
function withMissing(error: unknown, hint: PiecesHint | undefined): unknown {
    const isCut = error instanceof ArchiveError && CUT_CODES.has(error.code);
    if (!isCut || hint === undefined) return error;
    const { archive, entry, offset, code, thing, problem, fix } = error;
    const fixes = [hint.fix, fix].filter((text) => text !== undefined);
    return new ArchiveError(`${problem}; ${hint.problem}`, {
        ...{ archive, entry, offset, code, thing },
        fix: fixes.length === 0 ? undefined : fixes.join("; or "),
        cause: error,
    });
}
