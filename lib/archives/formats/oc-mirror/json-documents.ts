const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OPEN_LIST, CLOSE_LIST, OPEN, CLOSE] = [0x5b, 0x5d, 0x7b, 0x7d];
/** A name and the spaces that stand between it and its value. */
const NAME_BYTES = 64;

/** A name that its bytes alone decide: without escapes, and near its value. Any other is taken for the wanted one. */
const PLAIN_NAME = /"[^"\\]*"\s*:\s*$/;

/**
 * The objects of a text that come one after the other, without what their lists and objects hold: of these only the
 * content of one member is kept. A bundle has megabytes that are not needed; what is left out is not checked either.
 */
export class JsonDocuments {
    /** Bytes that are kept of the object that has begun. */
    held = 0;
    readonly #wanted: RegExp;
    #pieces: Buffer[] = [];
    #depth = 0;
    #isSkipping = false;
    #isInString = false;
    #isEscaped = false;

    /** @param wanted the member whose content is kept */
    constructor(wanted: string) {
        this.#wanted = new RegExp(`"${wanted}"\\s*:\\s*$`);
    }

    /** The objects that end in this chunk, which may be written over afterwards. */
    *feed(chunk: Buffer): Generator<string> {
        /** Of the bytes that are not kept yet. */
        let start = 0;
        for (let at = this.#endOfString(chunk, 0); at < chunk.length; at++) {
            const byte = chunk[at];
            if (byte === QUOTE) {
                this.#isInString = true;
                at = this.#endOfString(chunk, at + 1) - 1;
            } else if (byte === OPEN || byte === OPEN_LIST) {
                if (this.#depth++ !== 1 || this.#isWanted(chunk.subarray(start, at))) continue;
                this.#keep(chunk.subarray(start, at + 1));
                this.#isSkipping = true;
            } else if (byte === CLOSE || byte === CLOSE_LIST) {
                this.#depth--;
                if (this.#depth === 1 && this.#isSkipping) {
                    this.#isSkipping = false;
                    start = at;
                }
                if (this.#depth !== 0) continue;
                yield this.#take(chunk.subarray(start, at + 1));
                start = at + 1;
            }
        }
        if (!this.#isSkipping) this.#keep(chunk.subarray(start));
    }

    *rest(): Generator<string> {
        const text = this.#take(Buffer.alloc(0));
        if (text !== "") yield text;
    }

    /** Behind the quote that ends the string, or the end of the chunk; `from` itself outside of a string. */
    #endOfString(chunk: Buffer, from: number): number {
        if (!this.#isInString) return from;
        for (let at = from; at < chunk.length; at++) {
            if (this.#isEscaped) this.#isEscaped = false;
            else if (chunk[at] === BACKSLASH) this.#isEscaped = true;
            else if (chunk[at] === QUOTE) {
                this.#isInString = false;
                return at + 1;
            }
        }
        return chunk.length;
    }

    /** Whether the value that follows these bytes is the wanted member's. */
    #isWanted(before: Buffer): boolean {
        const earlier = this.#pieces.at(-1) ?? Buffer.alloc(0);
        const name = Buffer.concat([earlier.subarray(-NAME_BYTES), before.subarray(-NAME_BYTES)]);
        const text = name.toString("latin1");
        return this.#wanted.test(text) || !PLAIN_NAME.test(text);
    }

    #keep(bytes: Buffer): void {
        this.#pieces.push(Buffer.from(bytes));
        this.held += bytes.length;
    }

    #take(end: Buffer): string {
        const text = Buffer.concat([...this.#pieces, end])
            .toString("utf8")
            .trim();
        this.#pieces = [];
        this.held = 0;
        return text;
    }
}
