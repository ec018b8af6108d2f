import { readFile, readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { ArchiveError } from "../../errors/errors";
import { parseJson } from "../../errors/text";
import { ArchiveFile, COPY_AGAIN, unreadable } from "../files/archive-file";
import { JoinedFile } from "../files/joined-file";
import { detectCompression } from "./compression";
import { type NamedPieces, lonePiece, piecesBeside } from "./piece-name";
import { indexTar } from "../tar/index-tar";

/** The pieces of a file that was split to fit on media. */
export interface SplitFile {
    /** Of the whole, without number or letters. */
    readonly path: string;
    /** In their order, without Zarf's head. */
    readonly pieces: readonly string[];
    /** All files that belong to it: the pieces, and Zarf's head. */
    readonly members: readonly string[];
    /** The piece that would come behind the last one. */
    readonly next: string;
    /** Of the joined file, if Zarf's head has it. */
    readonly sha256?: string;
    readonly bytes?: number;
}

/** What to do about pieces that are not beside each other. */
const COPY_PIECES = "copy all pieces of the file into one folder";

const zarfHead = z.looseObject({ sha256Sum: z.string(), bytes: z.number(), count: z.number().int() });

/** Finds the pieces of split files. What was found out about files beside each other is kept, so that it is once. */
export class SplitFinder {
    readonly #signal: AbortSignal | undefined;
    readonly #files = new Map<string, Promise<Set<string>>>();
    readonly #verdicts = new Map<string, Promise<boolean>>();

    constructor(signal?: AbortSignal) {
        this.#signal = signal;
    }

    /**
     * All pieces of the file that one is of, from its folder. A name only says what a file might be: they are pieces if
     * the first one begins as an archive, does not end as one, and the second one does not begin as one. `app-1` and
     * `app-2`, each an archive of its own, are none.
     * @returns undefined for a file of its own
     * @throws ArchiveError `ARCHIVE_INCOMPLETE` if a piece is missing, `ARCHIVE_METADATA_INVALID` for a head that is none
     */
    async find(path: string): Promise<SplitFile | undefined> {
        const folder = dirname(path);
        const named = piecesBeside(basename(path), await this.#filesIn(folder));
        if (named === undefined) return firstIsMissing(path);
        const { names, whole, next, behindGap } = named;
        const members = names.map((name) => join(folder, name));
        const split = { path: join(folder, whole), pieces: members, members, next };
        const head = await readZarfHead(split);
        if (head === undefined && !(await this.#arePieces(folder, named))) return undefined;
        if (behindGap.length > 0) throw missing(split.path, next);
        return head ?? split;
    }

    #filesIn(folder: string): Promise<Set<string>> {
        const known = this.#files.get(folder) ?? filesIn(folder);
        this.#files.set(folder, known);
        return known;
    }

    /** Files of one numbering are asked about one by one: there may be thousands. */
    #arePieces(folder: string, named: NamedPieces): Promise<boolean> {
        const key = [folder, named.names[0], named.names.length, named.behindGap.length, named.behindGap[0]].join("/");
        const known = this.#verdicts.get(key) ?? arePieces(folder, named, this.#signal);
        this.#verdicts.set(key, known);
        return known;
    }
}

/** The files of a folder, links to files among them. Where it cannot be listed, they may be readable all the same. */
async function filesIn(folder: string): Promise<Set<string>> {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    const files = new Set(entries.filter((entry) => entry.isFile()).map(({ name }) => name));
    for (const { name } of entries.filter((entry) => entry.isSymbolicLink())) {
        const target = await stat(join(folder, name)).catch(() => undefined);
        if (target?.isFile() === true) files.add(name);
    }
    return files;
}

/** That an archive may be a piece of a split file. */
export interface PiecesHint {
    readonly problem: string;
    /** Absent where all files that could be its pieces are here. */
    readonly fix?: string;
}

/**
 * The hint for a file that cannot be read: it may be a piece, and the others are missing, or are there and do not belong
 * to it.
 */
export async function missingBeside(path: string, split: SplitFile | undefined): Promise<PiecesHint | undefined> {
    if (split !== undefined) {
        return { problem: `if there is another piece, ${split.next}, it is not here`, fix: COPY_PIECES };
    }
    const lone = lonePiece(basename(path));
    if (lone === undefined) return undefined;
    const there = await filesIn(dirname(path));
    const { names = [], next = "" } = piecesBeside(basename(path), there) ?? {};
    const others = names.filter((name) => name !== basename(path));
    if (others.length > 0) {
        const what = `the files beside it (${others.join(", ")}) do not make one archive with it`;
        const why = `one may be cut, of another file, or the last (${next} is not here)`;
        return { problem: `if it is a piece of a split file, ${what}: ${why}` };
    }
    const other = lone.first === basename(path) ? lone.next : lone.first;
    return { problem: `if it is a piece of a split file, the others are not here (${other})`, fix: COPY_PIECES };
}

/** A name like `.002` or `.part2` says that it is a piece; bytes that begin as an archive say that it is none. */
async function firstIsMissing(path: string): Promise<undefined> {
    const lone = /\.(?:\d{3}|part[._-]?\d+)$/i.test(path) ? lonePiece(basename(path)) : undefined;
    if (lone === undefined || lone.first === basename(path) || (await detectStart(path)) !== undefined)
        return undefined;
    throw missing(path, lone.first);
}

/** A neighbour that cannot be read, or is refused, is no proof of anything: then the file is taken for one of its own. */
async function arePieces(folder: string, named: NamedPieces, signal?: AbortSignal): Promise<boolean> {
    const paths = [...named.names, ...named.behindGap].map((name) => join(folder, name));
    try {
        return paths.length > 1 && (await areSizesOfPieces(paths)) && (await areBytesOfPieces(paths, signal));
    } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof ArchiveError) return false;
        throw error;
    }
}

/** Pieces are all of one size but the last; `split -n` makes that the longer one, by less than their number. */
async function areSizesOfPieces(paths: readonly string[]): Promise<boolean> {
    const sizes = await Promise.all(paths.map(async (path) => (await stat(path).catch(() => undefined))?.size ?? NaN));
    const [first = NaN] = sizes;
    return sizes.every((size, at) => size <= first + paths.length && (at === sizes.length - 1 || size >= first - 1));
}

async function areBytesOfPieces(paths: readonly string[], signal?: AbortSignal): Promise<boolean> {
    const [first = "", ...following] = paths;
    const start = await detectStart(first);
    if (start === undefined) return false;
    if (start === "compressed") {
        // By chance, one in sixteen million pieces begins like a gzip file.
        for (const path of following) if ((await detectStart(path)) !== undefined) return false;
        return SPEAKING_NAME.test(basename(first));
    }
    if ((await endOfTar([first], signal)) === "whole") return false;
    for (const [at, path] of following.entries()) {
        // A tar may be cut where a header begins: of an entry that is a tar, and then the rest is no whole one, or of its own.
        if ((await detectStart(path)) !== "tar" || (await endOfTar([path], signal)) !== "whole") continue;
        const before = await endOfTar(paths.slice(0, at + 1), signal);
        return before === "between entries" && SPEAKING_NAME.test(basename(first));
    }
    return true;
}

/** Where bytes leave it open, the name has to say that there are more: `x1` beside `x2` is too little. */
const SPEAKING_NAME = /(?:aa|00|\.\d+|(?:part|chunk|piece)[._-]?\d+|_\d+\.tar(?:\.(?:gz|zst))?)$/i;

async function detectStart(path: string): Promise<"compressed" | "tar" | undefined> {
    const file = await ArchiveFile.open(path);
    try {
        if (file.size === 0) return undefined;
        if ((await detectCompression({ file, offset: 0, size: file.size })) !== undefined) return "compressed";
        const magic = Buffer.alloc(5);
        if (file.size >= 512) await file.readInto(magic, 257);
        return magic.toString("latin1") === "ustar" ? "tar" : undefined;
    } finally {
        await file.close();
    }
}

/** How the tar ends that files are when they are joined. */
async function endOfTar(
    paths: readonly string[],
    signal?: AbortSignal,
): Promise<"whole" | "between entries" | "within an entry"> {
    const files: ArchiveFile[] = [];
    try {
        for (const path of paths) files.push(await ArchiveFile.open(path));
        const joined = new JoinedFile(files[0]?.path ?? "", files);
        const { hasMark } = await indexTar(joined, () => undefined, signal === undefined ? {} : { signal });
        // What comes behind an end mark belongs to no tar.
        return hasMark ? "whole" : "between entries";
    } catch (error) {
        const isCut = error instanceof ArchiveError && ["ARCHIVE_TRUNCATED", "ARCHIVE_CORRUPT"].includes(error.code);
        if (isCut) return "within an entry";
        throw error;
    } finally {
        await Promise.all(files.map((file) => file.close()));
    }
}

/** Zarf's `.part000` is no piece, it describes them. @returns undefined if it is one, or of another name */
async function readZarfHead(split: SplitFile): Promise<SplitFile | undefined> {
    const [path = "", ...pieces] = split.pieces;
    if (!path.endsWith(".part000") || (await detectStart(path)) !== undefined) return undefined;
    const text = await readFile(path, "utf8").catch((cause: unknown) => {
        throw unreadable(path, cause);
    });
    const parsed = zarfHead.safeParse(parseJson(text));
    if (!parsed.success) {
        const facts = { archive: path, code: "ARCHIVE_METADATA_INVALID" as const, fix: COPY_AGAIN };
        throw new ArchiveError("it lacks sha256Sum, bytes or count of the pieces", facts);
    }
    const { sha256Sum, bytes, count } = parsed.data;
    if (pieces.length < count) throw missing(path, split.next);
    return { ...split, pieces, sha256: sha256Sum, bytes };
}

/** The error for a piece whose others are not beside it. */
export function missingPieces(path: string): ArchiveError {
    const { first, next } = lonePiece(basename(path)) ?? { first: "", next: "" };
    return missing(path, first === basename(path) ? next : first);
}

function missing(archive: string, piece: string): ArchiveError {
    return new ArchiveError(`the piece ${piece} is missing`, {
        archive,
        code: "ARCHIVE_INCOMPLETE",
        fix: COPY_PIECES,
    });
}
