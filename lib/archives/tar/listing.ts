import { ArchiveError } from "../../errors/errors";
import type { OpenFile } from "../files/archive-file";
import type { TarEntry } from "./entry";
import { type TarVisitor, indexTar } from "./index-tar";
import { TarEntries } from "./tar-entries";
import type { TarReader } from "./window-reader";

/** The entries of a tar that is not oc-mirror's: few enough to keep them all. */
export interface TarListing {
    /** By name, without folders. */
    readonly entries: TarEntries;
    readonly warnings: readonly string[];
}

/** A tar of oc-mirror, which has too many links to list. */
export interface OcMirrorListing {
    readonly entries: "oc-mirror";
    readonly warnings: readonly string[];
}

export interface ListingOptions {
    readonly signal?: AbortSignal | undefined;
    /** For a tar that passes by. */
    readonly reader?: TarReader;
    /** Called with each entry before anything else is done with it. */
    readonly enter?: (entry: TarEntry) => Promise<void>;
    /** The name of the file says that it is of oc-mirror. */
    readonly isOcMirror?: boolean;
    /** Gets the entries of a tar of oc-mirror, all of them but folders. Absent: they are passed over. */
    readonly visitOcMirror?: TarVisitor;
}

/**
 * Lists a tar of unknown format. Of two entries with one name the first counts; they must be of the same size, and
 * whoever reads one checks its digest. @throws ArchiveError
 */
export async function indexTarNames(
    file: OpenFile,
    { signal, reader: own, enter, isOcMirror: isNamed = false, visitOcMirror }: ListingOptions = {},
): Promise<TarListing | OcMirrorListing> {
    const entries = new TarEntries();
    let isOcMirror = isNamed;
    const list: TarVisitor = (entry, reader) => {
        if (isOcMirror) return visitOcMirror?.(entry, reader);
        if (isOfOcMirror(entry.name)) {
            isOcMirror = true;
            return visitOcMirror === undefined ? undefined : visitAll(visitOcMirror, entries, entry, reader);
        }
        if (entry.type === "folder") return undefined;
        const known = entries.add(entry);
        if (known === undefined) return undefined;
        return checkSame(file, known, entry, (found) => reader.read(found.offset, found.size));
    };
    const visit: TarVisitor =
        enter === undefined ? list : (entry, reader) => enter(entry).then(() => list(entry, reader));
    const reading = { ...(signal === undefined ? {} : { signal }), ...(own === undefined ? {} : { reader: own }) };
    const { warnings } = await indexTar(file, visit, reading);
    return { entries: isOcMirror ? "oc-mirror" : entries, warnings } as TarListing | OcMirrorListing;
}

function isOfOcMirror(name: string): boolean {
    return name.startsWith("docker/registry/v2/") || isImageSet(name);
}

/** What was listed before a tar was seen to be of oc-mirror, and the entry that showed it. */
async function visitAll(visit: TarVisitor, before: TarEntries, entry: TarEntry, reader: TarReader): Promise<void> {
    for (const name of before.names()) {
        const earlier = before.get(name);
        if (earlier !== undefined) await visit(earlier, reader);
    }
    await visit(entry, reader);
}

function isImageSet(name: string): boolean {
    return name.startsWith("isc_") && !name.includes("/");
}

/** Metadata has no digest to decide which of two is meant, so it must be the same; blobs have. */
const MAX_COMPARED_BYTES = 20 * 1024 * 1024;

async function checkSame(
    file: OpenFile,
    known: TarEntry,
    entry: TarEntry,
    read: (entry: TarEntry) => Promise<Buffer>,
): Promise<void> {
    const isBlob = /(^|\/)blobs\/sha256\//.test(entry.name);
    const isSameSize = known.size === entry.size && known.type === entry.type;
    if (isSameSize && (isBlob || entry.size > MAX_COMPARED_BYTES)) return;
    const bytes = Buffer.from(isSameSize ? await read(entry) : []);
    if (isSameSize && bytes.equals(await read(known))) return;
    throw new ArchiveError(`another entry of this name, at offset ${known.offset}, has other content`, {
        archive: file.path,
        entry: entry.name,
        offset: entry.offset,
        code: "ARCHIVE_ENTRY_INVALID",
        fix: "pack the archive again from its folder instead of adding to it",
    });
}
