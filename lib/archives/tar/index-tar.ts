import { ArchiveError } from "../../errors/errors";
import { COPY_AGAIN, type ReadableFile } from "../files/archive-file";
import type { TarEntry, TarEntryType } from "./entry";
import { TAR_BLOCK, type TarHeader, TarHeaderError, isZeroBlock, parseTarHeader } from "./header";
import { type PaxRecords, parsePaxRecords } from "./pax";
import { type TarReader, WindowReader } from "./window-reader";

/** Called for every entry in the file's order; `reader` gives small bodies from the window that is read anyway. */
export type TarVisitor = (entry: TarEntry, reader: TarReader) => void | Promise<void>;

export interface TarIndexOptions {
    readonly signal?: AbortSignal;
    /** More than this is refused: the index of an archive must fit in memory. Default 5,000,000. */
    readonly maxEntries?: number;
    /** What it is read through. Default: the file, in windows. */
    readonly reader?: TarReader;
}

/** Extended headers hold names; a bigger one is damage or an attack. */
export const MAX_EXTENDED_HEADER = 1024 * 1024;
/** PATH_MAX: no file system gave a longer name to who made the archive, and every part of it costs time. */
const MAX_NAME_LENGTH = 4096;
/** Anything in a name that may not be, or may be left out; most names have nothing of it. */
const UNCLEAN = /[\0\\]|(?:^|\/)\.{0,2}(?:\/|$)/;
/** Headers that say something about the next entry, or about all that follow. */
export const EXTENDED = new Set("xgLK");
const TYPES: ReadonlyMap<string, TarEntryType> = new Map([
    ["0", "file"],
    ["7", "file"],
    ["1", "link"],
    ["2", "symlink"],
    ["3", "device"],
    ["4", "device"],
    ["5", "folder"],
    ["6", "device"],
    ["S", "sparse"],
]);

/** How a tar ends that could be read. */
export interface TarEnd {
    /** False if the two zero blocks are missing that end a tar; every entry in it is whole. */
    readonly hasMark: boolean;
    /** What is odd about the end but does not stop the tar's use, as sentences. */
    readonly warnings: readonly string[];
}

/**
 * Reads every header of a tar and no body, in windows of about 1 MiB: v7, USTAR, PAX and GNU headers.
 * @throws ArchiveError with entry and offset: `ARCHIVE_TRUNCATED`, `ARCHIVE_CORRUPT` (a header's checksum),
 * `ARCHIVE_ENTRY_INVALID` (a name or size that is refused), `ARCHIVE_TOO_LARGE`.
 */
export async function indexTar(file: ReadableFile, visit: TarVisitor, options: TarIndexOptions = {}): Promise<TarEnd> {
    return new TarIndexer(file, visit, options).run();
}

class TarIndexer {
    readonly #file: ReadableFile;
    readonly #visit: TarVisitor;
    readonly #reader: TarReader;
    readonly #maxEntries: number;
    /** Of a tar that passes by: whether the body of the last entry is there. */
    #checkLast: (() => void) | undefined;
    #at = 0;
    #count = 0;
    /** `g` headers hold until the next one, `x`, `L` and `K` for the next entry. */
    #globals: PaxRecords = {};
    #locals: PaxRecords | undefined;
    #gnu: { path?: string; linkpath?: string } = {};
    /** Of the first extended header of the entry that is to come. */
    #pending: number | undefined;

    constructor(file: ReadableFile, visit: TarVisitor, options: TarIndexOptions) {
        this.#file = file;
        this.#visit = visit;
        this.#reader = options.reader ?? new WindowReader(file, options.signal);
        this.#maxEntries = options.maxEntries ?? 5_000_000;
    }

    /** Awaits only what must be read: a promise for each of a million entries would cost more than their headers. */
    async run(): Promise<TarEnd> {
        for (;;) {
            const start = this.#at;
            const rest = this.#reader.size - start;
            if (rest <= 0) {
                this.#checkLast?.();
                return this.#endWithoutMark();
            }
            if (rest < TAR_BLOCK) throw this.#truncated(`the header here has ${rest} of its ${TAR_BLOCK} bytes`);
            let block = this.#reader.find(start, TAR_BLOCK);
            if (block === undefined) {
                await this.#reader.read(start, TAR_BLOCK);
                if (this.#reader.size - start < TAR_BLOCK) continue;
                block = 0;
            }
            if (isZeroBlock(this.#reader.window, block)) return this.#endAtMark();
            const header = this.#header(block);
            this.#at += TAR_BLOCK;
            if (header.isExtended) await this.#skipSparseMap();
            const taking = EXTENDED.has(header.flag) ? this.#extended(header, start) : this.#entry(header, start);
            if (taking !== undefined) await taking;
        }
    }

    #header(block: number): TarHeader {
        try {
            return parseTarHeader(this.#reader.window, block);
        } catch (cause) {
            throw this.#invalidHeader(cause, undefined, this.#at);
        }
    }

    #extended(header: TarHeader, start: number): void | Promise<void> {
        this.#pending ??= start;
        const { name, size } = header;
        this.#checkBody(name, size, start);
        if (size > MAX_EXTENDED_HEADER) throw this.#invalid(name, start, `an extended header of ${size} bytes`);
        const held = this.#reader.peek(this.#at, size);
        if (held !== undefined) return this.#extend(header, held, start);
        return this.#reader.read(this.#at, size).then((body) => {
            this.#checkBody(name, size, start);
            this.#extend(header, body, start);
        });
    }

    #extend({ name, size, flag }: TarHeader, body: Buffer, start: number): void {
        this.#advance(size);
        if (flag === "L" || flag === "K") {
            const key = flag === "L" ? "path" : "linkpath";
            this.#gnu = { ...this.#gnu, [key]: body.toString("utf8").replace(/\0+$/, "") };
            return;
        }
        try {
            const records = parsePaxRecords(body);
            if (flag === "g") this.#globals = { ...this.#globals, ...records };
            else this.#locals = records;
        } catch (cause) {
            throw this.#invalidHeader(cause, name, start);
        }
    }

    #entry(header: TarHeader, start: number): void | Promise<void> {
        const pax = this.#locals === undefined ? this.#globals : { ...this.#globals, ...this.#locals };
        const written = pax.sparseName || pax.path || this.#gnu.path || header.name;
        const name = this.#checkName(written, start);
        const type = pax.isSparse ? "sparse" : entryType(header.flag, written);
        // POSIX: the size of links, devices, folders and pipes says nothing about a body.
        const size = header.flag >= "1" && header.flag <= "6" ? 0 : (pax.size ?? header.size);
        this.#checkBody(name, size, start);
        const linkname = pax.linkpath || this.#gnu.linkpath || header.linkname;
        const offset = this.#at;
        this.#forgetExtended();
        this.#advance(size);
        if (++this.#count > this.#maxEntries) throw this.#tooLarge(name, start);
        // `./` itself.
        if (name === "" && type === "folder") return;
        const isLink = type === "link" || type === "symlink";
        const entry = isLink ? { name, offset, size, type, linkname } : { name, offset, size, type };
        const visiting = this.#visit(entry, this.#reader);
        if (this.#reader.size !== Infinity && this.#checkLast === undefined) return visiting;
        return this.#checked(visiting, () => this.#checkBody(name, size, start, offset));
    }

    /** Of a tar that passes by, only its end shows whether the body is there. */
    async #checked(visiting: void | Promise<void>, check: () => void): Promise<void> {
        this.#checkLast = check;
        try {
            await visiting;
        } catch (error) {
            check();
            throw error;
        }
    }

    #forgetExtended(): void {
        if (this.#pending === undefined) return;
        this.#locals = undefined;
        this.#gnu = {};
        this.#pending = undefined;
    }

    #advance(size: number): void {
        this.#at += Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
    }

    async #skipSparseMap(): Promise<void> {
        let more = true;
        while (more) {
            if (this.#at + TAR_BLOCK > this.#reader.size) throw this.#truncated("a sparse map ends early");
            more = (await this.#reader.read(this.#at, TAR_BLOCK))[504] !== 0;
            this.#at += TAR_BLOCK;
        }
    }

    #checkName(written: string, start: number): string {
        if (written.length > MAX_NAME_LENGTH) {
            const shown = JSON.stringify(`${written.slice(0, 100)}…`);
            throw this.#invalid(shown, start, `its name has more than ${MAX_NAME_LENGTH} characters`);
        }
        if (!UNCLEAN.test(written)) return written;
        const rule =
            (written.startsWith("/") && "its name is absolute") ||
            (written.includes("\0") && "its name has a NUL in it") ||
            (written.includes("\\") && "its name has a backslash in it") ||
            (/(^|\/)\.\.(\/|$)/.test(written) && "its name climbs out with ..");
        if (rule) throw this.#invalid(JSON.stringify(written), start, rule);
        return written
            .split("/")
            .filter((part) => part !== "" && part !== ".")
            .join("/");
    }

    #checkBody(name: string, size: number, start: number, at = this.#at): void {
        if (at + size <= this.#reader.size) return;
        const held = this.#reader.size - at;
        throw new ArchiveError(`the archive is truncated: ${held} of ${size} bytes of the entry are there`, {
            archive: this.#file.path,
            entry: name,
            offset: start,
            code: "ARCHIVE_TRUNCATED",
            fix: COPY_AGAIN,
        });
    }

    #endWithoutMark(): TarEnd {
        this.#checkNothingPending();
        const warning = `${this.#file.path} ends without the two zero blocks that end a tar; every entry in it is whole`;
        return { hasMark: false, warnings: [warning] };
    }

    async #endAtMark(): Promise<TarEnd> {
        this.#checkNothingPending();
        const from = this.#at + TAR_BLOCK;
        const rest = Math.min(this.#reader.size - from, MAX_EXTENDED_HEADER);
        const tail = rest > 0 ? await this.#reader.read(from, rest) : Buffer.alloc(0);
        const strange = firstNonZero(tail);
        if (strange === -1) return { hasMark: true, warnings: [] };
        if (strange < TAR_BLOCK) {
            const what = "a single zero block stands between entries";
            throw new ArchiveError(what, { ...this.#place(this.#at), code: "ARCHIVE_CORRUPT", fix: COPY_AGAIN });
        }
        const warning = `${this.#file.path} goes on after its end at offset ${from + strange}; what is there is not read`;
        return { hasMark: true, warnings: [warning] };
    }

    #checkNothingPending(): void {
        if (this.#pending === undefined) return;
        this.#at = this.#pending;
        throw this.#truncated("the entry that the extended header here belongs to is missing");
    }

    #invalidHeader(cause: unknown, extended: string | undefined, offset: number): unknown {
        if (!(cause instanceof TarHeaderError)) return cause;
        const entry = extended ?? cause.entry;
        const isFirst = offset === 0 && cause.code === "ARCHIVE_CORRUPT";
        const what = isFirst ? "this is not a tar archive, or its first header is damaged" : cause.problem;
        const place = { ...this.#place(offset), ...(entry === undefined ? {} : { entry }) };
        return new ArchiveError(what, { ...place, code: cause.code, fix: COPY_AGAIN, cause });
    }

    #place(offset: number): { archive: string; offset: number } {
        return { archive: this.#file.path, offset };
    }

    #truncated(what: string): ArchiveError {
        const facts = { ...this.#place(this.#at), code: "ARCHIVE_TRUNCATED" as const, fix: COPY_AGAIN };
        return new ArchiveError(`the archive is truncated: ${what}`, facts);
    }

    #invalid(entry: string, offset: number, what: string): ArchiveError {
        const fix = "make the archive again with a current tool; do not edit or re-pack it by hand";
        return new ArchiveError(what, { ...this.#place(offset), entry, code: "ARCHIVE_ENTRY_INVALID", fix });
    }

    #tooLarge(entry: string, offset: number): ArchiveError {
        const fix = "mirror the content in several image sets, each with a cache folder of its own";
        const what = `more than ${this.#maxEntries} entries`;
        return new ArchiveError(what, { ...this.#place(offset), entry, code: "ARCHIVE_TOO_LARGE", fix });
    }
}

function entryType(flag: string, name: string): TarEntryType {
    // Old archives mark a folder by its name alone.
    if (flag === "0" && name.endsWith("/")) return "folder";
    return TYPES.get(flag) ?? "other";
}

function firstNonZero(bytes: Buffer): number {
    for (let at = 0; at < bytes.length; at++) if (bytes[at] !== 0) return at;
    return -1;
}
