/** The bytes of a stream, in lengths that its reader chooses. */
export class StreamReader {
    #held: Buffer = Buffer.alloc(0);
    #offset = 0;
    readonly #chunks: AsyncIterator<Buffer>;

    constructor(chunks: AsyncIterable<Buffer>) {
        this.#chunks = chunks[Symbol.asyncIterator]();
    }

    /** Bytes that were taken or skipped so far. */
    get offset(): number {
        return this.#offset;
    }

    /** So many bytes; fewer where the stream ends before. */
    async take(length: number): Promise<Buffer> {
        const pieces: Buffer[] = [];
        for await (const piece of this.pieces(length)) pieces.push(piece);
        return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
    }

    /** @returns bytes that were skipped: fewer where the stream ends before */
    async skip(length: number): Promise<number> {
        const start = this.#offset;
        // Not by `pieces`: most of an archive may be skipped.
        while (this.#offset - start < length && (await this.#fill())) this.#cut(length - (this.#offset - start));
        return this.#offset - start;
    }

    /** So many bytes as they come; fewer where the stream ends before. Who stops early leaves the rest to be taken. */
    async *pieces(length: number): AsyncGenerator<Buffer> {
        const end = this.#offset + length;
        while (this.#offset < end && (await this.#fill())) yield this.#cut(end - this.#offset);
    }

    async end(): Promise<void> {
        await this.#chunks.return?.();
    }

    #cut(length: number): Buffer {
        const piece = this.#held.subarray(0, length);
        this.#held = this.#held.subarray(piece.length);
        this.#offset += piece.length;
        return piece;
    }

    /** @returns false at the end of the stream */
    async #fill(): Promise<boolean> {
        while (this.#held.length === 0) {
            const { done, value } = await this.#chunks.next();
            if (done === true) return false;
            this.#held = value;
        }
        return true;
    }
}
