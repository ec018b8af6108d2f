import { ArchiveError } from "../../oci/errors";
import { type ArchiveFile, COPY_AGAIN } from "../archive-file";
import type { TarEntry, TarEntryType } from "./entry";
import { TAR_BLOCK, type TarHeader, TarHeaderFault, isZeroBlock, parseTarHeader } from "./header";
import { type PaxRecords, parsePaxRecords } from "./pax";
import { WindowReader } from "./window-reader";

/** Called for every entry in the file's order; `reader` gives small bodies from the window that is read anyway. */
export type TarVisitor = (entry: TarEntry, reader: WindowReader) => void | Promise<void>;

export interface TarIndexOptions {
    readonly signal?: AbortSignal;
    /** More than this is refused: the index of an archive must fit in memory. Default 5,000,000. */
    readonly maxEntries?: number;
}

/** Extended headers hold names; a bigger one is damage or an attack. */
const MAX_EXTENDED_HEADER = 1024 * 1024;
/** PATH_MAX: no file system gave a longer name to who made the archive, and every part of it costs time. */
const MAX_NAME_LENGTH = 4096;
const TYPES: Readonly<Record<string, TarEntryType>> = {
    "0": "file",
    "7": "file",
    "1": "link",
    "2": "symlink",
    "3": "device",
    "4": "device",
    "5": "folder",
    "6": "device",
    S: "sparse",
};

/**
 * Reads every header of a tar and no body, in windows of about 1 MiB: v7, USTAR, PAX and GNU headers.
 * @returns warnings, as sentences.
 * @throws ArchiveError with entry and offset: `ARCHIVE_TRUNCATED`, `ARCHIVE_CORRUPT` (a header's checksum),
 * `ARCHIVE_ENTRY_INVALID` (a name or size that is refused), `ARCHIVE_TOO_LARGE`.
 */
export async function indexTar(
    file: ArchiveFile,
    visit: TarVisitor,
    options: TarIndexOptions = {},
): Promise<readonly string[]> {
    return new TarIndexer(file, visit, options).run();
}

class TarIndexer {
    readonly #file: ArchiveFile;
    readonly #visit: TarVisitor;
    readonly #reader: WindowReader;
    readonly #maxEntries: number;
    #at = 0;
    #count = 0;
    /** `g` headers hold until the next one, `x`, `L` and `K` for the next entry. */
    #globals: PaxRecords = {};
    #extended: PaxRecords | undefined;
    #gnu: { path?: string; linkpath?: string } = {};
    /** Of the first extended header of the entry that is to come. */
    #pending: number | undefined;

    constructor(file: ArchiveFile, visit: TarVisitor, options: TarIndexOptions) {
        this.#file = file;
        this.#visit = visit;
        this.#reader = new WindowReader(file, options.signal);
        this.#maxEntries = options.maxEntries ?? 5_000_000;
    }

    async run(): Promise<readonly string[]> {
        for (;;) {
            const rest = this.#file.size - this.#at;
            if (rest <= 0) return this.#endWithoutMark();
            if (rest < TAR_BLOCK) throw this.#truncated(`the header here has ${rest} of its ${TAR_BLOCK} bytes`);
            const block = this.#reader.peek(this.#at, TAR_BLOCK) ?? (await this.#reader.read(this.#at, TAR_BLOCK));
            if (isZeroBlock(block)) return this.#endAtMark();
            const start = this.#at;
            const header = this.#parse(() => parseTarHeader(block), undefined, start);
            this.#at += TAR_BLOCK;
            if (header.isExtended) await this.#skipSparseMap();
            await this.#take(header, start);
        }
    }

    async #take(header: TarHeader, start: number): Promise<void> {
        if (!/[xgLK]/.test(header.flag)) return this.#entry(header, start);
        this.#pending ??= start;
        const size = header.size;
        this.#checkBody(header.name, size, start);
        if (size > MAX_EXTENDED_HEADER) throw this.#invalid(header.name, start, `an extended header of ${size} bytes`);
        const body = await this.#reader.read(this.#at, size);
        this.#extend(header, body, start);
        this.#advance(size);
    }

    #extend(header: TarHeader, body: Buffer, start: number): void {
        if (header.flag === "L" || header.flag === "K") {
            const key = header.flag === "L" ? "path" : "linkpath";
            this.#gnu = { ...this.#gnu, [key]: body.toString("utf8").replace(/\0+$/, "") };
            return;
        }
        const records = this.#parse(() => parsePaxRecords(body), header.name, start);
        if (header.flag === "g") this.#globals = { ...this.#globals, ...records };
        else this.#extended = records;
    }

    async #entry(header: TarHeader, start: number): Promise<void> {
        const pax = { ...this.#globals, ...this.#extended };
        const written = pax.sparseName || pax.path || this.#gnu.path || header.name;
        const name = this.#checkName(written, start);
        const type = pax.isSparse ? "sparse" : typeOf(header.flag, written);
        // POSIX: the size of these says nothing about a body.
        const size = /[1-6]/.test(header.flag) ? 0 : (pax.size ?? header.size);
        this.#checkBody(name, size, start);
        const linkname = type === "link" || type === "symlink" ? pax.linkpath || this.#gnu.linkpath : undefined;
        const offset = this.#at;
        this.#forgetExtended();
        this.#advance(size);
        if (++this.#count > this.#maxEntries) throw this.#tooLarge(name, start);
        // `./` itself.
        if (name === "" && type === "folder") return;
        const target = type === "link" || type === "symlink" ? { linkname: linkname ?? header.linkname } : {};
        await this.#visit({ name, offset, size, type, ...target }, this.#reader);
    }

    #forgetExtended(): void {
        this.#extended = undefined;
        this.#gnu = {};
        this.#pending = undefined;
    }

    #advance(size: number): void {
        this.#at += Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
    }

    async #skipSparseMap(): Promise<void> {
        let more = true;
        while (more) {
            if (this.#at + TAR_BLOCK > this.#file.size) throw this.#truncated("a sparse map ends early");
            more = (await this.#reader.read(this.#at, TAR_BLOCK))[504] !== 0;
            this.#at += TAR_BLOCK;
        }
    }

    #checkName(written: string, start: number): string {
        if (written.length > MAX_NAME_LENGTH) {
            const shown = JSON.stringify(`${written.slice(0, 100)}…`);
            throw this.#invalid(shown, start, `its name has more than ${MAX_NAME_LENGTH} characters`);
        }
        const fault =
            (written.startsWith("/") && "its name is absolute") ||
            (written.includes("\0") && "its name has a NUL in it") ||
            (written.includes("\\") && "its name has a backslash in it") ||
            (/(^|\/)\.\.(\/|$)/.test(written) && "its name climbs out with ..");
        if (fault) throw this.#invalid(JSON.stringify(written), start, fault);
        const isClean = !/(^|\/)\.?(\/|$)/.test(written);
        return isClean
            ? written
            : written
                  .split("/")
                  .filter((part) => part !== "" && part !== ".")
                  .join("/");
    }

    #checkBody(name: string, size: number, start: number): void {
        if (this.#at + size <= this.#file.size) return;
        const held = this.#file.size - this.#at;
        throw new ArchiveError(`the archive is truncated: ${held} of ${size} bytes of the entry are there`, {
            archive: this.#file.path,
            entry: name,
            offset: start,
            code: "ARCHIVE_TRUNCATED",
            cure: COPY_AGAIN,
        });
    }

    #endWithoutMark(): readonly string[] {
        this.#checkNothingPending();
        return [`${this.#file.path} ends without the two zero blocks that end a tar; every entry in it is whole`];
    }

    async #endAtMark(): Promise<readonly string[]> {
        this.#checkNothingPending();
        const from = this.#at + TAR_BLOCK;
        const rest = Math.min(this.#file.size - from, MAX_EXTENDED_HEADER);
        const tail = rest > 0 ? await this.#reader.read(from, rest) : Buffer.alloc(0);
        const strange = tail.findIndex((byte) => byte !== 0);
        if (strange === -1) return [];
        if (strange < TAR_BLOCK) {
            const what = "a single zero block stands between entries";
            throw new ArchiveError(what, { ...this.#place(this.#at), code: "ARCHIVE_CORRUPT", cure: COPY_AGAIN });
        }
        return [`${this.#file.path} goes on after its end at offset ${from + strange}; what is there is not read`];
    }

    #checkNothingPending(): void {
        if (this.#pending === undefined) return;
        this.#at = this.#pending;
        throw this.#truncated("the entry that the extended header here belongs to is missing");
    }

    #parse<T>(read: () => T, entry: string | undefined, offset: number): T {
        try {
            return read();
        } catch (cause) {
            if (!(cause instanceof TarHeaderFault)) throw cause;
            const isFirst = offset === 0 && cause.code === "ARCHIVE_CORRUPT";
            const what = isFirst ? "this is not a tar archive, or its first header is damaged" : cause.message;
            const place = { ...this.#place(offset), ...(entry === undefined ? {} : { entry }) };
            throw new ArchiveError(what, { ...place, code: cause.code, cure: COPY_AGAIN, cause });
        }
    }

    #place(offset: number): { archive: string; offset: number } {
        return { archive: this.#file.path, offset };
    }

    #truncated(what: string): ArchiveError {
        const facts = { ...this.#place(this.#at), code: "ARCHIVE_TRUNCATED", cure: COPY_AGAIN };
        return new ArchiveError(`the archive is truncated: ${what}`, facts);
    }

    #invalid(entry: string, offset: number, what: string): ArchiveError {
        const cure = "make the archive again with a current tool; do not edit or re-pack it by hand";
        return new ArchiveError(what, { ...this.#place(offset), entry, code: "ARCHIVE_ENTRY_INVALID", cure });
    }

    #tooLarge(entry: string, offset: number): ArchiveError {
        const cure = "mirror the content in several image sets, each with a cache folder of its own";
        const what = `more than ${this.#maxEntries} entries`;
        return new ArchiveError(what, { ...this.#place(offset), entry, code: "ARCHIVE_TOO_LARGE", cure });
    }
}

function typeOf(flag: string, name: string): TarEntryType {
    // Old archives mark a folder by its name alone.
    if (flag === "0" && name.endsWith("/")) return "folder";
    return TYPES[flag] ?? "other";
}
