import { ArchiveError } from "../../errors/errors";
import type { Archive } from "../archive";
import { COPY_AGAIN } from "../files/archive-file";
import { looksLikeTar } from "./file-kind";
import { nestedArchives, refusedFormat, tooManyBeside } from "./foreign-format";
import { LeftOutNames, MOST_BESIDE, leftOutNotes } from "./left-out";
import { findArchives, openArchives, topNames } from "./open-tree";
import type { OwnedNames } from "./owned-names";
import type { TarTree } from "../tar/tar-tree";

/** What a tar holds. */
export interface TarContents {
    readonly archives: readonly Archive[];
    /** What is odd about it, and what is passed over in it, as sentences. */
    readonly notes: readonly string[];
}

/**
 * Opens every archive in a tar. Whatever else is in it is named in a note; an archive that is an entry of it cannot be
 * read where it lies, and is refused.
 * @param warnings what is odd about the tar: one without an end may have lost files that name images
 * @param lack why no image of it can be read, if it has any
 * @returns undefined for a whole tar without an image in it
 * @throws ArchiveError `ARCHIVE_FORMAT_UNSUPPORTED`, `ARCHIVE_TRUNCATED`, `ARCHIVE_TOO_LARGE`, and those of the formats
 */
export async function openTarContents(
    tree: TarTree,
    warnings: readonly string[],
    lack?: ArchiveError,
): Promise<TarContents | undefined> {
    const { roots, owned } = await findArchives(tree);
    if (roots.length === 0) {
        const names = topNames(tree);
        if (names.size === 0) throw empty(tree.path);
        const refused = refusedFormat(tree.path, names);
        if (refused !== undefined) throw refused;
        if (warnings.length > 0) throw unreadRest(tree.path, warnings);
        if (!isHelmChart(tree)) await besideArchives(tree, owned);
        return undefined;
    }
    if (lack !== undefined) throw lack;
    const archives = await openArchives(tree, roots);
    const beside = await besideArchives(tree, owned);
    const notes = leftOutNotes(
        tree.path,
        beside,
        "entry belongs to no image archive",
        "entries belong to no image archive",
    );
    return { archives, notes: [...warnings, ...notes] };
}

/** A chart may hold those that it depends on, as archives. */
function isHelmChart(tree: TarTree): boolean {
    for (const name of tree.kindsOfNames()) if (/^[^/]+\/Chart\.yaml$/.test(name)) return true;
    return false;
}

async function besideArchives(tree: TarTree, owned: OwnedNames): Promise<LeftOutNames> {
    const beside = new LeftOutNames();
    const nested = new LeftOutNames();
    for (const name of namesBeside(tree, owned)) {
        beside.add(name);
        if (beside.count > MOST_BESIDE) throw tooManyBeside(tree.path);
        const location = tree.plainFile(name);
        if (location !== undefined && (await looksLikeTar(location, name))) nested.add(name);
    }
    if (nested.count > 0) throw nestedArchives(tree.path, nested);
    return beside;
}

function* namesBeside(tree: TarTree, owned: OwnedNames): Iterable<string> {
    // Of a large layout, the names of all blobs are one kind.
    if ([...tree.kindsOfNames()].every((name) => owned.has(name))) return;
    for (const name of tree.names()) if (!owned.has(name)) yield name;
}

function unreadRest(archive: string, warnings: readonly string[]): ArchiveError {
    const what = `no image archive is recognised in what can be read of it: ${warnings.join("; ")}`;
    return new ArchiveError(what, { archive, code: "ARCHIVE_TRUNCATED", fix: COPY_AGAIN });
}

/** Nobody packs nothing: a copy that was broken off may leave zeros. */
function empty(archive: string): ArchiveError {
    const facts = { archive, code: "ARCHIVE_FORMAT_UNSUPPORTED" as const, fix: COPY_AGAIN };
    return new ArchiveError("this tar has no entries", facts);
}
