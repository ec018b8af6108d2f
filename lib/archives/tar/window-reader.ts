import type { ArchiveFile } from "../archive-file";

/** Large enough that the links of a cache (1 KiB each) cost one read per thousand, small enough to keep many. */
const WINDOW_BYTES = 1024 * 1024;
/** After a jump over a large body: what follows is mostly one header and another large body. */
const SMALL_WINDOW_BYTES = 128 * 1024;

/**
 * Reads small pieces of a file in rising order through one window, so that neighbours cost one read together. The window
 * grows while it moves on and is small after a jump; its memory stays the same.
 */
export class WindowReader {
    readonly #file: ArchiveFile;
    readonly #signal: AbortSignal | undefined;
    #memory: Buffer = Buffer.alloc(0);
    #window: Buffer = Buffer.alloc(0);
    #start = 0;
    #next = SMALL_WINDOW_BYTES;

    constructor(file: ArchiveFile, signal?: AbortSignal) {
        this.#file = file;
        this.#signal = signal;
    }

    /** The bytes, if they lie in the window; valid until the next read. Lets a caller go on without awaiting. */
    peek(offset: number, length: number): Buffer | undefined {
        const from = offset - this.#start;
        if (from < 0 || from + length > this.#window.length) return undefined;
        return this.#window.subarray(from, from + length);
    }

    /** `length` bytes at `offset`, which must lie inside the file; valid until the next read. */
    async read(offset: number, length: number): Promise<Buffer> {
        const held = this.peek(offset, length);
        if (held !== undefined) return held;
        this.#signal?.throwIfAborted();
        const hasJumped = offset - this.#start - this.#window.length > SMALL_WINDOW_BYTES;
        this.#next = hasJumped ? SMALL_WINDOW_BYTES : Math.min(2 * this.#next, WINDOW_BYTES);
        const window = this.#take(Math.min(Math.max(length, this.#next), this.#file.size - offset));
        await this.#file.readInto(window, offset);
        this.#window = window;
        this.#start = offset;
        return window.subarray(0, length);
    }

    /** Memory for a window; one that is larger than windows are is not kept. What was in it is not valid any more. */
    #take(size: number): Buffer {
        this.#window = Buffer.alloc(0);
        if (size > WINDOW_BYTES) return Buffer.allocUnsafeSlow(size);
        if (this.#memory.length === 0) this.#memory = Buffer.allocUnsafeSlow(WINDOW_BYTES);
        return this.#memory.subarray(0, size);
    }
}
