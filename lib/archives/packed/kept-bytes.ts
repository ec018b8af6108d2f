/** Bytes of a file that are kept in memory, by their place in it. */
export class KeptBytes {
    readonly #starts: number[] = [];
    readonly #pieces: Buffer[] = [];

    /** @param offset of the piece's first byte in the file, behind all that is kept already */
    add(offset: number, piece: Buffer): void {
        this.#starts.push(offset);
        this.#pieces.push(piece);
    }

    /** `length` bytes at `offset`; undefined if not all of them are in one piece. */
    find(offset: number, length: number): Buffer | undefined {
        const at = this.#lastBefore(offset);
        const [start = 0, piece] = [this.#starts[at], this.#pieces[at]];
        if (piece === undefined || offset + length > start + piece.length) return undefined;
        return piece.subarray(offset - start, offset - start + length);
    }

    /** The piece that begins at `offset` or before it; -1 if there is none. */
    #lastBefore(offset: number): number {
        let [low, high] = [0, this.#starts.length];
        while (low < high) {
            const middle = (low + high) >>> 1;
            if ((this.#starts[middle] ?? 0) <= offset) low = middle + 1;
            else high = middle;
        }
        return low - 1;
    }
}
