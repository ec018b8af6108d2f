import type { ReadableFile } from "../files/archive-file";
import type { TarBlocks } from "./header";

/** Large enough that the links of a cache (1 KiB each) cost one read per thousand, small enough to keep many. */
const WINDOW_BYTES = 1024 * 1024;
/** At least so much is read after a jump over a large body, as a disk reads ahead anyway. */
const SMALL_WINDOW_BYTES = 128 * 1024;

/** What the headers of a tar are read through, mostly forwards. */
export interface TarReader {
    /** Bytes of the tar; infinite for one that passes by, until its end was seen. */
    readonly size: number;
    /** What is read at present; `find` returns where in it bytes are. Its content is valid until the next read. */
    readonly window: TarBlocks;
    /** Where in the window `length` bytes at `offset` lie; undefined if not all of them do. */
    find(offset: number, length: number): number | undefined;
    /** The bytes, if they are in memory; valid until the next read. Lets a caller go on without awaiting. */
    peek(offset: number, length: number): Buffer | undefined;
    /** `length` bytes at `offset`; fewer only where a tar that passes by ends. Valid until the next read. */
    read(offset: number, length: number): Promise<Buffer>;
}

/**
 * Reads small pieces of a file in rising order through one window, so that neighbours cost one read together. The window
 * grows while it moves on; after a jump it has what was needed after the last one, since images are alike: mostly one
 * header and another large body. Its memory stays the same.
 */
export class WindowReader implements TarReader {
    readonly #file: ReadableFile;
    readonly #signal: AbortSignal | undefined;
    #memory: TarBlocks | undefined;
    #window: TarBlocks = allocateBlocks(0);
    /** Of the window's first byte in the file. */
    #start = 0;
    /** Bytes of the window that are the file's. */
    #length = 0;
    #next = SMALL_WINDOW_BYTES;
    /** Where the last jump went, and the end of what was asked for since. */
    #landed = 0;
    #needed = 0;

    constructor(file: ReadableFile, signal?: AbortSignal) {
        this.#file = file;
        this.#signal = signal;
    }

    get size(): number {
        return this.#file.size;
    }

    get window(): TarBlocks {
        return this.#window;
    }

    find(offset: number, length: number): number | undefined {
        const from = offset - this.#start;
        if (from < 0 || from + length > this.#length) return undefined;
        this.#needed = offset + length;
        return from;
    }

    peek(offset: number, length: number): Buffer | undefined {
        const from = this.find(offset, length);
        return from === undefined ? undefined : this.#window.bytes.subarray(from, from + length);
    }

    /** The bytes must lie inside the file. */
    async read(offset: number, length: number): Promise<Buffer> {
        const held = this.peek(offset, length);
        if (held !== undefined) return held;
        this.#signal?.throwIfAborted();
        const hasJumped = offset - this.#start - this.#length > SMALL_WINDOW_BYTES;
        const wanted = hasJumped ? this.#needed - this.#landed : 2 * this.#next;
        this.#next = Math.min(Math.max(wanted, SMALL_WINDOW_BYTES), WINDOW_BYTES);
        if (hasJumped) this.#landed = offset;
        this.#needed = offset + length;
        const size = Math.min(Math.max(length, this.#next), this.#file.size - offset);
        const window = this.#take(size);
        await this.#file.readInto(window.bytes.subarray(0, size), offset);
        this.#window = window;
        this.#start = offset;
        this.#length = size;
        return window.bytes.subarray(0, length);
    }

    /** Memory for a window; one that is larger than windows are is not kept. What was in it is not valid any more. */
    #take(size: number): TarBlocks {
        this.#length = 0;
        if (size > WINDOW_BYTES) return allocateBlocks(size);
        this.#memory ??= allocateBlocks(WINDOW_BYTES);
        return this.#memory;
    }
}

function allocateBlocks(size: number): TarBlocks {
    const words = new Int32Array(Math.ceil(size / Int32Array.BYTES_PER_ELEMENT));
    return { bytes: Buffer.from(words.buffer), words };
}
