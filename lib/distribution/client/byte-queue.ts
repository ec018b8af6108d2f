/** The bytes of an iterable in pieces of a chosen size. A piece is copied: the iterable may use its memory again. */
export class ByteQueue {
    private readonly source: AsyncIterator<Uint8Array>;
    private rest: Uint8Array = Buffer.alloc(0);

    constructor(source: AsyncIterable<Uint8Array>) {
        this.source = source[Symbol.asyncIterator]();
    }

    /** The next `size` bytes; fewer only at the end. */
    async take(size: number): Promise<Buffer> {
        const taken = Buffer.allocUnsafe(size);
        let length = 0;
        while (length < size) {
            if (this.rest.length === 0) {
                const next = await this.source.next();
                if (next.done === true) break;
                this.rest = next.value;
            }
            const piece = this.rest.subarray(0, size - length);
            taken.set(piece, length);
            length += piece.length;
            this.rest = this.rest.subarray(piece.length);
        }
        return taken.subarray(0, length);
    }

    /** Lets the iterable come to its end, after its last byte was taken. */
    async end(): Promise<void> {
        await this.source.next();
    }

    /** Ends the iterable early. */
    async close(): Promise<void> {
        await this.source.return?.();
    }
}
