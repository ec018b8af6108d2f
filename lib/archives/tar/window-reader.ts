import type { ArchiveFile } from "../archive-file";

/** Large enough that the links of a cache (1 KiB each) cost one read per thousand, small enough to keep many. */
const WINDOW_BYTES = 1024 * 1024;

/** Reads small pieces of a file in rising order through one window, so that neighbours cost one read together. */
export class WindowReader {
    readonly #file: ArchiveFile;
    readonly #signal: AbortSignal | undefined;
    #window: Buffer = Buffer.alloc(0);
    #start = 0;

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
        const size = Math.min(Math.max(length, WINDOW_BYTES), this.#file.size - offset);
        const window = Buffer.allocUnsafeSlow(size);
        await this.#file.readInto(window, offset);
        this.#window = window;
        this.#start = offset;
        return window.subarray(0, length);
    }
}
