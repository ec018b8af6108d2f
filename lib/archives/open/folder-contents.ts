import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { ArchiveError } from "../../errors/errors";
import { ArchiveFile, unreadable } from "../files/archive-file";
import { isChecksum } from "./archive-paths";
import type { ArchiveRoot } from "./archive-root";
import { looksLikeTar } from "./file-kind";
import { type FolderTree, fileIdentity } from "../files/folder-tree";
import { refuseByName } from "./foreign-format";
import { MOST_BESIDE } from "./left-out";
import { isOcMirrorPart } from "../formats/oc-mirror/part-name";
import { findArchives } from "./open-tree";
import { isOrphanName } from "../packed/piece-name";
import { type SplitFile, type SplitFinder, missingPieces } from "../packed/split-file";

/** Enough to keep a disk busy. */
const AT_ONCE = 16;

/** What is asked of a listed folder. */
type ListedFolder = Pick<FolderTree, keyof FolderTree>;

/** What a folder holds; paths are absolute, names are below the folder. */
export interface FolderContents {
    /** The folders in it that are archives. */
    readonly roots: readonly ArchiveRoot[];
    /** Parts of an oc-mirror archive. */
    readonly parts: readonly string[];
    /** Files that are archives each, and split ones. */
    readonly archives: readonly { readonly path: string; readonly split: SplitFile | undefined }[];
    /** Names of what is no archive. */
    readonly others: readonly string[];
    /** True if it has files that are read already. */
    readonly hasKnown: boolean;
}

/**
 * Sorts what a folder holds: folders and files that are archives, by their content, and all else. Files of an archive
 * are not looked at.
 * @param joined paths of pieces that are read already
 * @param identities files that are read already, by `fileIdentity`; those that are found here are added
 * @throws ArchiveError for what looks like an archive and cannot be one: a format of the past, a piece without the others
 */
export async function contentsOfFolder(
    tree: ListedFolder,
    splits: SplitFinder,
    joined: ReadonlySet<string>,
    identities: Set<string>,
): Promise<FolderContents> {
    const { roots, owned } = await findArchives(tree);
    const beside: string[] = [];
    let hasKnown = false;
    for (const name of tree.names()) {
        if (owned.has(name)) continue;
        if (joined.has(join(tree.path, name))) {
            hasKnown = true;
            continue;
        }
        refuseByName(join(tree.path, name));
        if (beside.push(name) > MOST_BESIDE) throw tooMany(tree.path);
    }
    const files = await withoutTwins(tree.path, beside, identities);
    const parts = files.filter((name) => isOcMirrorPart(basename(name)));
    const rest = files.filter((name) => !isOcMirrorPart(basename(name)));
    const kinds = await inTurn(rest, (name) => isArchive(tree, name));
    const archives = await wholeFiles(
        tree.path,
        rest.filter((_, at) => kinds[at]),
        splits,
    );
    const pieces = new Set(archives.flatMap(({ split }) => split?.members ?? []));
    const others = rest.filter((name, at) => kinds[at] !== true && !pieces.has(join(tree.path, name)));
    for (const name of others) await refuseOrphan(tree, name);
    return {
        roots,
        parts: parts.map((name) => join(tree.path, name)),
        archives,
        others: [...others, ...tree.special].sort(),
        hasKnown: hasKnown || files.length < beside.length,
    };
}

/** By content, or by a name that says so: then whoever opens it says what is wrong with it. */
async function isArchive(tree: ListedFolder, name: string): Promise<boolean> {
    const base = basename(name);
    if (isChecksum(base)) return false;
    if (!base.startsWith(".") && ARCHIVE_NAME.test(base)) return true;
    const file = await ArchiveFile.open(join(tree.path, name));
    try {
        return await looksLikeTar({ file, offset: 0, size: file.size });
    } finally {
        await file.close();
    }
}

const ARCHIVE_NAME = /\.(?:tar|tgz|tzst|txz|tbz2?)$|\.tar\.(?:gz|zst|xz|bz2|lz4|lzma|lz|Z)$/i;

/** Each file once, with its pieces if it is one. */
async function wholeFiles(
    folder: string,
    names: readonly string[],
    splits: SplitFinder,
): Promise<FolderContents["archives"]> {
    const found: { path: string; split: SplitFile | undefined }[] = [];
    const pieces = new Set<string>();
    for (const path of names.map((name) => join(folder, name))) {
        if (pieces.has(path)) continue;
        const split = await splits.find(path);
        for (const member of split?.members ?? []) pieces.add(member);
        found.push({ path, split });
    }
    return found;
}

/** A piece whose bytes show nothing and that belongs to no other: nothing else would report it as missing. */
async function refuseOrphan(tree: ListedFolder, name: string): Promise<void> {
    const path = join(tree.path, name);
    if (!isOrphanName(basename(name)) || (await isText(path))) return;
    throw missingPieces(path);
}

/** Text is no piece of an archive, save by a chance that its name would have to share. */
async function isText(path: string): Promise<boolean> {
    if (/\.(?:tar|tgz|tzst|gz|zst)\b/i.test(basename(path))) return false;
    const file = await ArchiveFile.open(path);
    try {
        const start = Buffer.alloc(Math.min(512, file.size));
        await file.readInto(start, 0);
        return start.every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d));
    } finally {
        await file.close();
    }
}

/** Links and hard links may lead to one file by several names: it counts once. @param seen those that counted already */
async function withoutTwins(folder: string, names: readonly string[], seen: Set<string>): Promise<string[]> {
    const identities = await inTurn(names, async (name) => {
        const facts = await stat(join(folder, name)).catch((cause: unknown) => {
            throw unreadable(join(folder, name), cause);
        });
        return fileIdentity(facts);
    });
    return names.filter((_, at) => {
        const identity = identities[at] ?? "";
        return !seen.has(identity) && seen.add(identity);
    });
}

/** Some at once, the results in the order of the names. */
async function inTurn<T>(names: readonly string[], work: (name: string) => Promise<T>): Promise<T[]> {
    const results: T[] = [];
    const waiting = names.entries();
    const worker = async (): Promise<void> => {
        for (const [at, name] of waiting) results[at] = await work(name);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return results;
}

function tooMany(path: string): ArchiveError {
    const fix = "name the folder that holds nothing but the archives, or name them one by one";
    const facts = { archive: path, code: "ARCHIVE_TOO_LARGE" as const, fix };
    return new ArchiveError(`more than ${MOST_BESIDE} files in this folder belong to no archive`, facts);
}
