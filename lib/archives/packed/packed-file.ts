import { basename } from "node:path";
import { Limiter } from "../../concurrency/limiter";
import { ArchiveError } from "../../errors/errors";
import type { ArchivePart } from "../../lock";
import { COPY_AGAIN, type LentFile, type OpenFile } from "../files/archive-file";
import { StreamReader } from "../tar/stream-reader";
import { KeptEntries, type KeptTotal } from "./kept-entries";
import { PassingTar } from "./passing-tar";
import { type PackedFiles, type UnpackOptions, unpackedBytes } from "./unpacked-bytes";

/** Of what was unpacked last, so much can be had again: who looks at the beginning of something reads it whole next. */
const MOST_AGAIN = 1024 * 1024;
/** Where manifests were not kept: so often it is unpacked from its beginning to find out whether it has images at all. */
const MOST_UNPACKINGS = 10;

/**
 * A compressed tar that is nowhere unpacked. It is read once as a stream, by `pass`; what is small is kept in memory then.
 * Anything else is unpacked again when it is asked for, from the beginning where it lies behind what was read last: cheap
 * for who reads forwards, and for nobody else.
 */
export class PackedFile implements OpenFile {
    readonly path: string;
    readonly name: string;
    readonly parts: readonly ArchivePart[];
    readonly #packed: PackedFiles;
    readonly #options: UnpackOptions;
    readonly #kept: KeptEntries;
    /** Two that read in turns would begin again each time. */
    readonly #oneAtATime = new Limiter(1);
    #again: StreamReader | undefined;
    #last = { offset: 0, bytes: Buffer.alloc(0) };
    #size = Infinity;
    #unpackings = 0;
    #isClosed = false;

    /** @param kept what the archives beside it keep, too */
    constructor(packed: PackedFiles, kept: KeptTotal, options: UnpackOptions) {
        this.path = packed.path;
        this.name = basename(packed.path);
        this.parts = packed.parts;
        this.#packed = packed;
        this.#options = options;
        this.#kept = new KeptEntries(packed.path, kept);
    }

    /** Bytes of the tar; infinite until it has passed. */
    get size(): number {
        return this.#size;
    }

    /** Why no image of it can be read, if it has any. */
    get lack(): ArchiveError | undefined {
        return this.#kept.lack;
    }

    /** The tar from its first byte to its last, for `visit`. @throws what unpacking and `visit` throw */
    async pass<T>(visit: (tar: PassingTar) => Promise<T>): Promise<T> {
        const stream = new StreamReader(unpackedBytes(this.#packed, this.#options));
        const tar = new PassingTar(stream, this.#kept, this);
        try {
            const result = await visit(tar);
            this.#size = await tar.drain();
            return result;
        } finally {
            await stream.end();
        }
    }

    /** @throws ArchiveError `ARCHIVE_CLOSED`, `ARCHIVE_TOO_LARGE` (`lack`), and as unpacking does */
    async readInto(target: Buffer, offset: number, entry?: string): Promise<void> {
        const kept = this.#kept.find(offset, target.length);
        if (kept !== undefined) kept.copy(target);
        else await this.#oneAtATime.run(() => this.#unpackInto(target, offset, entry));
    }

    async lend(): Promise<LentFile> {
        return { file: this, release: async () => undefined };
    }

    async close(): Promise<void> {
        this.#isClosed = true;
        this.#kept.drop();
        await this.#again?.end();
        await Promise.all(this.#packed.files.map((file) => file.close()));
    }

    async #unpackInto(target: Buffer, offset: number, entry: string | undefined): Promise<void> {
        const place = { archive: this.path, ...(entry === undefined ? {} : { entry }), offset };
        if (this.#isClosed) throw new ArchiveError("the archive is closed", { ...place, code: "ARCHIVE_CLOSED" });
        let filled = this.#copyLast(target, offset);
        if (filled < target.length) {
            const stream = await this.#streamAt(offset + filled);
            for await (const piece of stream.pieces(target.length - filled)) filled += piece.copy(target, filled);
        }
        if (filled < target.length) {
            const what = "the file ends here now, it was longer when it was opened";
            throw new ArchiveError(what, { ...place, code: "ARCHIVE_TRUNCATED", fix: COPY_AGAIN });
        }
        if (target.length <= MOST_AGAIN) this.#last = { offset, bytes: Buffer.from(target) };
    }

    #copyLast(target: Buffer, offset: number): number {
        const from = offset - this.#last.offset;
        return from < 0 || from >= this.#last.bytes.length ? 0 : this.#last.bytes.copy(target, 0, from);
    }

    async #streamAt(offset: number): Promise<StreamReader> {
        if (this.#again !== undefined && this.#again.offset > offset) {
            await this.#again.end();
            this.#again = undefined;
        }
        if (this.#again === undefined && ++this.#unpackings > MOST_UNPACKINGS && this.lack !== undefined)
            throw this.lack;
        this.#again ??= new StreamReader(unpackedBytes(this.#packed, this.#options));
        await this.#again.skip(offset - this.#again.offset);
        return this.#again;
    }
}
