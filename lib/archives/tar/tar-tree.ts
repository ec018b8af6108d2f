import { posix } from "node:path";
import { ArchiveError } from "../../errors/errors";
import type { ArchivePart } from "../../lock";
import type { OpenFile } from "../files/archive-file";
import type { BlobLocation } from "../files/archive-source";
import type { FileTree } from "../files/file-tree";
import { type TarEntry, requireFile } from "./entry";
import type { TarEntries } from "./tar-entries";

/** The entries of a tar; links are followed inside of it, and nowhere else. */
export class TarTree implements FileTree {
    readonly path: string;
    readonly #file: OpenFile;
    readonly #entries: TarEntries;

    constructor(file: OpenFile, entries: TarEntries) {
        this.path = file.path;
        this.#file = file;
        this.#entries = entries;
    }

    names(): Iterable<string> {
        return this.#entries.names();
    }

    kindsOfNames(): Iterable<string> {
        return this.#entries.kindsOfNames();
    }

    find(name: string): BlobLocation | undefined {
        const entry = this.#entries.get(name);
        if (entry === undefined) return undefined;
        const target = this.#follow(entry);
        requireFile(this.#file, target);
        return { file: this.#file, offset: target.offset, size: target.size };
    }

    /** Where a regular file's bytes lie; no link is followed. Undefined for everything else. */
    plainFile(name: string): BlobLocation | undefined {
        const entry = this.#entries.get(name);
        if (entry?.type !== "file") return undefined;
        return { file: this.#file, offset: entry.offset, size: entry.size };
    }

    entryName(name: string): string {
        return name;
    }

    lockParts(): readonly ArchivePart[] {
        return this.#file.parts;
    }

    #follow(entry: TarEntry): TarEntry {
        const passed = new Set<string>();
        let at = entry;
        while (at.type === "link" || at.type === "symlink") {
            if (passed.has(at.name)) throw this.#broken(entry, "its links lead round in a circle");
            passed.add(at.name);
            const target = linkTarget(at);
            if (target === undefined) throw this.#broken(entry, `it links to ${at.linkname ?? ""}, outside of the tar`);
            const next = this.#entries.get(target);
            if (next === undefined) throw this.#broken(entry, `it links to ${target}, which the tar does not hold`);
            at = next;
        }
        return at;
    }

    #broken(entry: TarEntry, what: string): ArchiveError {
        const fix = "make the archive again with a current tool";
        const place = { archive: this.path, entry: entry.name, offset: entry.offset };
        return new ArchiveError(what, { ...place, code: "ARCHIVE_ENTRY_INVALID", fix });
    }
}

/** Of a symbolic link relative to its own folder, of a hard link from the root; undefined if it leads out of the tar. */
function linkTarget({ name, type, linkname = "" }: TarEntry): string | undefined {
    if (linkname.startsWith("/") || linkname === "" || linkname.includes("\0")) return undefined;
    const target = posix.normalize(type === "symlink" ? posix.join(posix.dirname(name), linkname) : linkname);
    return target === ".." || target.startsWith("../") ? undefined : target;
}
