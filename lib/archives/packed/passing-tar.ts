import { ArchiveError } from "../../errors/errors";
import { MAX_MANIFEST_BYTES } from "../../oci/manifest";
import type { ReadableFile } from "../files/archive-file";
import type { TarEntry } from "../tar/entry";
import { TAR_BLOCK, tarBlocks } from "../tar/header";
import type { StreamReader } from "../tar/stream-reader";
import type { PassingEntry } from "../tar/tar-stream";
import type { TarReader } from "../tar/window-reader";
import { MAGIC_BYTES } from "./compression";
import type { KeptEntries } from "./kept-entries";

/** What is no larger is read whole, and kept whole if it is no layer. */
const SMALL_BYTES = 64 * 1024;
/** Of every other file, so much shows what it is. */
const START_BYTES = TAR_BLOCK;
/** A layout's `index.json` may have so much, more than any other file that names images. */
const MOST_INDEX_BYTES = 64 * 1024 * 1024;
const NAMES_IMAGES = /(?:^|\/)(?:index|manifest)\.json$/;
const NAMED_BY_DIGEST = /(?:^|[/:])[0-9a-f]{64}(?:\/data)?$/;
/** Of oc-mirror's cache: there may be a million of them, and they are read while they pass. */
const LINK = /\/link$/;
/** A layer of a docker-archive. */
const LAYER = /\.tar(?:\.gz)?$/;

/** So often what has passed and was not kept may be asked for: each time, all before it is unpacked again. */
const MOST_AGAIN = 100;

/** A tar that is read once, forwards, and what is kept of it. */
export class PassingTar implements TarReader {
    readonly window = tarBlocks(Buffer.alloc(TAR_BLOCK));
    readonly #stream: StreamReader;
    readonly #kept: KeptEntries;
    readonly #file: ReadableFile;
    /** What was read of the entry that passes. */
    #current = { offset: 0, bytes: Buffer.alloc(0) };
    #size = Infinity;
    #again = 0;

    /** @param file the same tar, for what has passed already */
    constructor(stream: StreamReader, kept: KeptEntries, file: ReadableFile) {
        this.#stream = stream;
        this.#kept = kept;
        this.#file = file;
    }

    get size(): number {
        return this.#size;
    }

    find(): undefined {
        return undefined;
    }

    peek(offset: number, length: number): Buffer | undefined {
        const from = offset - this.#current.offset;
        if (from >= 0 && from + length <= this.#current.bytes.length)
            return this.#current.bytes.subarray(from, from + length);
        return this.#kept.find(offset, length);
    }

    async read(offset: number, length: number): Promise<Buffer> {
        const held = this.peek(offset, length);
        if (held !== undefined) return held;
        if (offset < this.#stream.offset) {
            if (++this.#again > MOST_AGAIN) throw this.#repeated(offset);
            const bytes = Buffer.alloc(length);
            await this.#file.readInto(bytes, offset);
            return bytes;
        }
        await this.#stream.skip(offset - this.#stream.offset);
        const bytes = await this.#take(length);
        if (length === TAR_BLOCK) bytes.copy(this.window.bytes);
        return bytes;
    }

    /**
     * Takes in the entry whose header was read last: keeps what is small of it.
     * @param take gets all of it, if it is a regular file
     */
    async enter(entry: TarEntry, take?: (entry: PassingEntry) => Promise<void>): Promise<void> {
        if (entry.type !== "file") return;
        const { name, size, offset } = entry;
        const start = Buffer.from(await this.#take(Math.min(START_BYTES, size)));
        const isWhole = mayBeKept(entry, start);
        const bytes = isWhole ? Buffer.concat([start, await this.#take(size - start.length)]) : start;
        // Whoever reads on finds that the tar ends here.
        if (this.#size !== Infinity) return;
        this.#current = { offset, bytes };
        if (isWhole && isNeeded(name, bytes)) this.#kept.need(offset, bytes);
        else this.#offer(entry, bytes);
        const body = () => this.#bodyFrom(bytes, size);
        await take?.({ name, size, place: { archive: this.#file.path, entry: name, offset }, body });
    }

    /** Signatures are about the images: their payloads, and configs, are looked at one by one and in no order. */
    #offer({ name, size, offset }: TarEntry, bytes: Buffer): void {
        const isBlob = NAMED_BY_DIGEST.test(name);
        const isDocument = isJson(bytes);
        const isLayer = LAYER.test(name) || (isBlob && !isDocument);
        if (bytes.length < size || isLayer)
            this.#kept.offer("starts", offset, bytes.subarray(0, isBlob ? MAGIC_BYTES : START_BYTES));
        else if (isDocument && size <= SMALL_BYTES) this.#kept.offer("documents", offset, bytes);
        else if (!LINK.test(name)) this.#kept.offer("others", offset, bytes);
    }

    /** Reads on to the end: only that shows that the file is whole. @returns the bytes of the tar */
    async drain(): Promise<number> {
        await this.#stream.skip(Infinity);
        return (this.#size = this.#stream.offset);
    }

    #repeated(offset: number): ArchiveError {
        const what = `files are in it more than once, and it was unpacked ${MOST_AGAIN} times to compare them`;
        const fix =
            "pack the archive again from its folder instead of adding to it; or unpack it and give the plain tar";
        return new ArchiveError(what, { archive: this.#file.path, offset, code: "ARCHIVE_TOO_LARGE", fix });
    }

    async #take(length: number): Promise<Buffer> {
        const bytes = await this.#stream.take(length);
        if (bytes.length < length) this.#size = this.#stream.offset;
        return bytes;
    }

    async *#bodyFrom(start: Buffer, size: number): AsyncGenerator<Buffer> {
        if (start.length > 0) yield start;
        let left = size - start.length;
        for await (const piece of this.#stream.pieces(left)) {
            left -= piece.length;
            yield piece;
        }
        if (left === 0) return;
        this.#size = this.#stream.offset;
        throw new ArchiveError("the archive is truncated", { archive: this.#file.path, code: "ARCHIVE_TRUNCATED" });
    }
}

function mayBeKept({ name, size }: TarEntry, start: Buffer): boolean {
    if (size <= SMALL_BYTES) return true;
    if (NAMES_IMAGES.test(name)) return size <= MOST_INDEX_BYTES;
    if (size > MAX_MANIFEST_BYTES || LAYER.test(name)) return false;
    return !NAMED_BY_DIGEST.test(name) || isJson(start);
}

function isNeeded(name: string, body: Buffer): boolean {
    return NAMES_IMAGES.test(name) || (isJson(body) && body.includes('"schemaVersion"'));
}

function isJson(start: Buffer): boolean {
    return /^\s*\{/.test(start.toString("latin1", 0, START_BYTES));
}
