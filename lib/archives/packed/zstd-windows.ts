import { ArchiveError } from "../../errors/errors";

/**
 * fzstd 0.1.1 reads the offset of a match from four bytes that begin at any bit: of one beyond 64 MiB, up to two bits are
 * lost, and other bytes are copied (seen with `zstd --long=27`).
 */
const MAX_WINDOW = 2 ** 26;

/** Where compressed bytes come from, for errors. */
export interface PackedPlace {
    readonly archive: string;
    readonly entry?: string | undefined;
}

/**
 * Lets zstd frames (RFC 8878, 3.1) through, and refuses one whose window is larger than 64 MiB before a decoder sees it:
 * decoders take that much memory at its header.
 * @throws ArchiveError `ARCHIVE_FORMAT_UNSUPPORTED`
 */
export async function* withinWindows(packed: AsyncIterable<Buffer>, place: PackedPlace): AsyncGenerator<Buffer> {
    const walk = new FrameWalk(place);
    for await (const chunk of packed) {
        walk.pass(chunk);
        yield chunk;
    }
}

/** Goes from header to header. Where there is no frame, it looks no further: the decoder will say so. */
class FrameWalk {
    readonly #place: PackedPlace;
    readonly #head: number[] = [];
    /** Bytes until the next header. */
    #skip = 0;
    #passed = 0;
    /** Absent between frames. */
    #frame: { readonly checksumBytes: number } | undefined;

    constructor(place: PackedPlace) {
        this.#place = place;
    }

    pass(chunk: Buffer): void {
        for (let at = 0; at < chunk.length;) {
            const skipped = Math.min(this.#skip, chunk.length - at);
            this.#skip -= skipped;
            at += skipped;
            if (at === chunk.length) break;
            this.#head.push(chunk[at++] ?? 0);
            const head = Buffer.from(this.#head);
            if (head.length < (this.#frame === undefined ? frameHeaderBytes(head) : 3)) continue;
            this.#head.length = 0;
            if (this.#frame === undefined) this.#enterFrame(head, this.#passed + at - head.length);
            else this.#enterBlock(head, this.#frame.checksumBytes);
        }
        this.#passed += chunk.length;
    }

    #enterFrame(head: Buffer, offset: number): void {
        if (isSkippable(head)) {
            this.#skip = head.readUInt32LE(4);
            return;
        }
        if (!isFrame(head)) {
            this.#skip = Infinity;
            return;
        }
        const window = windowBytes(head);
        if (window > MAX_WINDOW) throw this.#tooLarge(window, offset);
        this.#frame = { checksumBytes: ((head[4] ?? 0) & 4) === 0 ? 0 : 4 };
    }

    #enterBlock(head: Buffer, checksumBytes: number): void {
        const [isLast, type, size] = [(head[0] ?? 0) & 1, ((head[0] ?? 0) >> 1) & 3, head.readUIntLE(0, 3) >> 3];
        this.#skip = (type === RLE_BLOCK ? 1 : size) + (isLast === 1 ? checksumBytes : 0);
        if (isLast === 1) this.#frame = undefined;
    }

    #tooLarge(window: number, offset: number): ArchiveError {
        const what = `this zstd frame has to be unpacked with ${window} bytes of memory, more than ${MAX_WINDOW}`;
        return new ArchiveError(what, {
            ...this.#place,
            offset,
            code: "ARCHIVE_FORMAT_UNSUPPORTED",
            fix: "compress again without --long=… or --ultra, or with --long=26 at most; or unpack it with zstd -d --long=31",
        });
    }
}

const RLE_BLOCK = 1;

function isFrame(head: Buffer): boolean {
    return head.readUInt32LE(0) === 0xfd2fb528;
}

function isSkippable(head: Buffer): boolean {
    return head.readUInt32LE(0) >>> 4 === 0x184d2a5;
}

/** Bytes of the header that begins like this, as far as they are known. */
function frameHeaderBytes(head: Buffer): number {
    if (head.length < 5) return 5;
    if (isSkippable(head)) return 8;
    return isFrame(head) ? contentSizeAt(head) + contentSizeBytes(head) : 5;
}

function isSingleSegment(head: Buffer): boolean {
    return ((head[4] ?? 0) & 0x20) !== 0;
}

function contentSizeAt(head: Buffer): number {
    return 5 + (isSingleSegment(head) ? 0 : 1) + ([0, 1, 2, 4][(head[4] ?? 0) & 3] ?? 0);
}

function contentSizeBytes(head: Buffer): number {
    return [isSingleSegment(head) ? 1 : 0, 2, 4, 8][(head[4] ?? 0) >> 6] ?? 0;
}

/**
 * What a frame says that it unpacks to (`Frame_Content_Size`); undefined if it does not.
 * @param head the whole frame header, or more
 */
function zstdContentSize(head: Buffer): number | undefined {
    const [at, bytes] = [contentSizeAt(head), contentSizeBytes(head)];
    if (bytes === 0) return undefined;
    if (bytes === 8) return Number(head.readBigUInt64LE(at));
    return head.readUIntLE(at, bytes) + (bytes === 2 ? 256 : 0);
}

/** The memory that a frame has to be unpacked with: all of it, if it is a single segment. */
function windowBytes(head: Buffer): number {
    if (isSingleSegment(head)) return zstdContentSize(head) ?? 0;
    const descriptor = head[5] ?? 0;
    const base = 2 ** (10 + (descriptor >> 3));
    return base + (base / 8) * (descriptor & 7);
}
