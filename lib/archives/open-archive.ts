import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ArchiveError } from "../oci/errors";
import type { Archive } from "./archive";
import { ArchiveFile, COPY_AGAIN, unreadable } from "./archive-file";
import { refuseByName, refuseCompressed, refuseFolder } from "./foreign-format";
import { isOcMirrorPart, openOcMirror } from "./oc-mirror/oc-mirror-archive";
import { openLayoutFolder } from "./oci-layout/folder";
import { openLayoutTar } from "./oci-layout/layout-tar";
import { indexTarNames } from "./tar/listing";

export interface OpenOptions {
    readonly signal?: AbortSignal;
}

/**
 * Opens and indexes an archive; nothing is unpacked.
 * @param paths files, or one folder: the parts `mirror_NNNNNN.tar` of an oc-mirror v2 run, an OCI layout as a tar or as
 * a folder. Relative paths are against the working directory.
 * @throws ArchiveError `ARCHIVE_NOT_FOUND`, `ARCHIVE_UNREADABLE`, `ARCHIVE_TRUNCATED`, `ARCHIVE_CORRUPT`,
 * `ARCHIVE_ENTRY_INVALID`, `ARCHIVE_TOO_LARGE`, `ARCHIVE_INCOMPLETE`, `ARCHIVE_MIXED`, `ARCHIVE_METADATA_INVALID`,
 * `ARCHIVE_FORMAT_UNSUPPORTED`
 */
export async function openArchive(paths: string | readonly string[], options: OpenOptions = {}): Promise<Archive> {
    const given = (typeof paths === "string" ? [paths] : paths).map((path) => resolve(path));
    const label = given.join(" ");
    if (given.length === 0) {
        throw new ArchiveError("no path is given", {
            archive: "(none)",
            code: "ARCHIVE_NOT_FOUND",
            cure: "name a file or folder",
        });
    }
    const files: string[] = [];
    for (const path of given) {
        const found = await partsAt(path);
        if (found !== undefined) files.push(...found);
        else if (given.length === 1) return openLayoutFolder(path);
        else throw onlyOne(path);
    }
    return openFiles(label, files, options.signal);
}

/** The files at a path; undefined if it is the folder of an OCI layout. */
async function partsAt(path: string): Promise<readonly string[] | undefined> {
    const facts = await stat(path).catch((cause: unknown) => {
        throw unreadable(path, cause);
    });
    if (facts.isFile()) return [path];
    if (!facts.isDirectory()) {
        const cure = "give a file: an archive is read at offsets, which a pipe does not have";
        const what = "this is neither a file nor a folder";
        throw new ArchiveError(what, { archive: path, code: "ARCHIVE_UNREADABLE", cure });
    }
    const names = await readdir(path);
    const parts = names.filter(isOcMirrorPart);
    if (parts.length > 0) return parts.map((name) => join(path, name));
    if (names.includes("index.json") && names.includes("blobs")) return undefined;
    throw refuseFolder(path, names);
}

async function openFiles(label: string, paths: readonly string[], signal: AbortSignal | undefined): Promise<Archive> {
    const files: ArchiveFile[] = [];
    try {
        for (const path of paths) files.push(await openPart(path));
        return await openTars(label, files, signal);
    } catch (error) {
        await Promise.all(files.map((file) => file.close()));
        throw error;
    }
}

async function openPart(path: string): Promise<ArchiveFile> {
    refuseByName(path);
    const file = await ArchiveFile.open(path);
    try {
        if (file.size === 0) {
            throw new ArchiveError("the file is empty", { archive: path, code: "ARCHIVE_TRUNCATED", cure: COPY_AGAIN });
        }
        await refuseCompressed(file);
        return file;
    } catch (error) {
        await file.close();
        throw error;
    }
}

async function openTars(
    label: string,
    files: readonly ArchiveFile[],
    signal: AbortSignal | undefined,
): Promise<Archive> {
    const [first] = files;
    if (first === undefined || files.every(({ name }) => isOcMirrorPart(name)))
        return openOcMirror(label, files, signal);
    const listing = await indexTarNames(first, signal);
    if (listing === "oc-mirror") return openOcMirror(label, files, signal);
    if (files.length > 1) throw onlyOne(first.path);
    return openLayoutTar(first, listing);
}

function onlyOne(path: string): ArchiveError {
    return new ArchiveError("only oc-mirror archives come in several parts", {
        archive: path,
        code: "ARCHIVE_MIXED",
        cure: "open one OCI layout at a time",
    });
}
