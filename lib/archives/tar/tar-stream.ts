import { ArchiveError } from "../../errors/errors";
import type { ArchivePlace } from "../../errors/problem";
import { COPY_AGAIN } from "../files/archive-file";
import { TAR_BLOCK, type TarHeader, TarHeaderError, parseTarHeader, tarBlocks } from "./header";
import { EXTENDED, MAX_EXTENDED_HEADER } from "./index-tar";
import { type PaxRecords, parsePaxRecords } from "./pax";
import { StreamReader } from "./stream-reader";

/** A regular file of a tar that passes by. */
export interface PassingEntry {
    /** As it is written in the tar: it is compared with others, and never a path of a file here. */
    readonly name: string;
    /** Bytes. */
    readonly size: number;
    /** `offset` is that of its header in the unpacked stream. */
    readonly place: ArchivePlace;
    /**
     * Its bytes; what is not read until the next entry is asked for is skipped.
     * @throws ArchiveError `ARCHIVE_TRUNCATED`
     */
    body(): AsyncIterable<Buffer>;
}

/**
 * The regular files of a tar in the order in which they come, read once and in constant memory: v7, USTAR, PAX and GNU
 * headers. Several tars may follow each other, as `cat mirror_*.tar` joins them: the zero blocks between them are skipped.
 * @param archive what the stream is called in errors
 * @throws ArchiveError with the offset in the stream: `ARCHIVE_TRUNCATED`, `ARCHIVE_CORRUPT` (a header's checksum, one zero
 * block alone), `ARCHIVE_ENTRY_INVALID` (a size, an extended header)
 */
export async function* passingEntries(chunks: AsyncIterable<Buffer>, archive: string): AsyncGenerator<PassingEntry> {
    const stream = new TarStream(chunks, archive);
    try {
        for (let entry = await stream.next(); entry !== undefined; entry = await stream.next()) yield entry;
    } finally {
        await stream.end();
    }
}

/** Zero blocks that end a tar. */
const END_BLOCKS = 2;

class TarStream {
    readonly #reader: StreamReader;
    readonly #archive: string;
    /** `g` headers hold until the end of their tar, `x` and `L` for the next entry. */
    #globals: PaxRecords = {};
    #locals: PaxRecords = {};
    #longName: string | undefined;
    /** Of the first extended header of the entry that is to come. */
    #pending: number | undefined;
    /** Where the padded body of the last entry ends. */
    #bodyEnd = 0;

    constructor(chunks: AsyncIterable<Buffer>, archive: string) {
        this.#reader = new StreamReader(chunks);
        this.#archive = archive;
    }

    /** @returns undefined at the end of the stream */
    async next(): Promise<PassingEntry | undefined> {
        for (;;) {
            await this.#skipBody();
            const start = this.#reader.offset;
            const block = await this.#block(start);
            if (block === undefined) {
                if (this.#pending !== undefined)
                    throw this.#truncated(
                        this.#pending,
                        "the entry that the extended header here belongs to is missing",
                    );
                return undefined;
            }
            const header = this.#header(block, start);
            if (header.isExtended) await this.#skipSparseMap();
            if (EXTENDED.has(header.flag)) await this.#extend(header, start);
            else {
                const entry = this.#entry(header, start);
                if (entry !== undefined) return entry;
            }
        }
    }

    async end(): Promise<void> {
        await this.#reader.end();
    }

    async #skipBody(): Promise<void> {
        const left = this.#bodyEnd - this.#reader.offset;
        if (left > 0 && (await this.#reader.skip(left)) < left)
            throw this.#truncated(this.#reader.offset, "the last entry ends early");
    }

    /** The next block that is not zero; undefined at the end of the stream. */
    async #block(start: number): Promise<Buffer | undefined> {
        for (let zeros = 0; ; zeros++) {
            const block = await this.#reader.take(TAR_BLOCK);
            if (block.length === 0) return undefined;
            if (block.length < TAR_BLOCK) {
                const at = this.#reader.offset - block.length;
                throw this.#truncated(at, `the header here has ${block.length} of its ${TAR_BLOCK} bytes`);
            }
            if (block.some((byte) => byte !== 0)) {
                if (zeros > 0 && zeros < END_BLOCKS)
                    throw this.#error("a single zero block stands between entries", start, "ARCHIVE_CORRUPT");
                return block;
            }
            // What the next tar says of all its entries is its own.
            this.#globals = {};
        }
    }

    #header(block: Buffer, start: number): TarHeader {
        const isFirst = start === 0;
        try {
            return parseTarHeader(tarBlocks(block), 0);
        } catch (cause) {
            if (!(cause instanceof TarHeaderError)) throw cause;
            const isNone = isFirst && cause.code === "ARCHIVE_CORRUPT";
            const what = isNone ? "this is not a tar archive, or its first header is damaged" : cause.problem;
            throw this.#error(what, this.#reader.offset - TAR_BLOCK, cause.code, cause.entry);
        }
    }

    async #extend({ name, size, flag }: TarHeader, start: number): Promise<void> {
        this.#pending ??= start;
        if (size > MAX_EXTENDED_HEADER)
            throw this.#error(`an extended header of ${size} bytes`, start, "ARCHIVE_ENTRY_INVALID", name);
        const padded = Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
        const body = (await this.#reader.take(padded)).subarray(0, size);
        if (body.length < size) throw this.#truncated(start, "an extended header ends early");
        if (flag === "K") return;
        if (flag === "L") {
            this.#longName = body.toString("utf8").replace(/\0+$/, "");
            return;
        }
        try {
            const records = parsePaxRecords(body);
            if (flag === "g") this.#globals = { ...this.#globals, ...records };
            else this.#locals = records;
        } catch (cause) {
            if (!(cause instanceof TarHeaderError)) throw cause;
            throw this.#error(cause.problem, start, cause.code, name);
        }
    }

    /** @returns undefined for what is no regular file */
    #entry(header: TarHeader, start: number): PassingEntry | undefined {
        const pax = { ...this.#globals, ...this.#locals };
        const name = pax.path || this.#longName || header.name;
        // POSIX: the size of links, devices, folders and pipes says nothing about a body.
        const size = header.flag >= "1" && header.flag <= "6" ? 0 : (pax.size ?? header.size);
        this.#locals = {};
        this.#longName = undefined;
        this.#pending = undefined;
        this.#bodyEnd = this.#reader.offset + Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
        const isFile = (header.flag === "0" || header.flag === "7") && !name.endsWith("/") && pax.isSparse !== true;
        if (!isFile) return undefined;
        const place = { archive: this.#archive, entry: name, offset: start };
        return { name, size, place, body: () => this.#body(size, place) };
    }

    async *#body(size: number, { entry, offset }: ArchivePlace): AsyncGenerator<Buffer> {
        let read = 0;
        for await (const piece of this.#reader.pieces(size)) {
            read += piece.length;
            yield piece;
        }
        if (read < size) throw this.#truncated(offset, `${read} of ${size} bytes of the entry are there`, entry);
    }

    async #skipSparseMap(): Promise<void> {
        let more = true;
        while (more) {
            const block = await this.#reader.take(TAR_BLOCK);
            if (block.length < TAR_BLOCK) throw this.#truncated(this.#reader.offset, "a sparse map ends early");
            more = block[504] !== 0;
        }
    }

    #truncated(offset: number | undefined, what: string, entry?: string): ArchiveError {
        return this.#error(`the archive is truncated: ${what}`, offset, "ARCHIVE_TRUNCATED", entry);
    }

    #error(what: string, offset: number | undefined, code: ArchiveError["code"], entry?: string): ArchiveError {
        return new ArchiveError(what, { archive: this.#archive, entry, offset, code, fix: COPY_AGAIN });
    }
}
