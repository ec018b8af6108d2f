import { TAR_BLOCK, type TarBlocks, isZeroBlock, parseTarHeader } from "./header";

/** A file that is looked for is text of a few hundred KB; a larger one is not it. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/**
 * Reads some files of a tar that comes as a stream, and nothing more once they are found. Names are those of the headers
 * alone, without `./`: no extended header is needed for what is looked for.
 * @param wanted names
 * @throws TarHeaderError for what is no tar
 */
export async function readStreamedFiles(
    stream: AsyncIterable<Buffer>,
    wanted: ReadonlySet<string>,
): Promise<Map<string, Buffer>> {
    const reader = new StreamReader(stream[Symbol.asyncIterator]());
    const found = new Map<string, Buffer>();
    try {
        while (found.size < wanted.size) {
            const block = await reader.take(TAR_BLOCK);
            if (block === undefined) return found;
            const blocks = toBlocks(block);
            if (isZeroBlock(blocks, 0)) return found;
            const { name, size, flag } = parseTarHeader(blocks, 0);
            const padded = Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
            const key = name.replace(/^(?:\.?\/)+/, "");
            const isWanted = flag === "0" && wanted.has(key) && size <= MAX_FILE_BYTES;
            if (!isWanted) await reader.skip(padded);
            else {
                const body = await reader.take(padded);
                if (body === undefined) return found;
                found.set(key, body.subarray(0, size));
            }
        }
        return found;
    } finally {
        await reader.end();
    }
}

function toBlocks(block: Buffer): TarBlocks {
    const words = new Int32Array(TAR_BLOCK / Int32Array.BYTES_PER_ELEMENT);
    const bytes = Buffer.from(words.buffer);
    block.copy(bytes);
    return { bytes, words };
}

/** The bytes of a stream in pieces of any length. */
class StreamReader {
    #held: Buffer = Buffer.alloc(0);

    constructor(private readonly chunks: AsyncIterator<Buffer>) {}

    /** @returns undefined where the stream ends before */
    async take(length: number): Promise<Buffer | undefined> {
        const pieces = [this.#held];
        let size = this.#held.length;
        while (size < length) {
            const chunk = await this.#next();
            if (chunk === undefined) return undefined;
            pieces.push(chunk);
            size += chunk.length;
        }
        const all = Buffer.concat(pieces);
        this.#held = all.subarray(length);
        return all.subarray(0, length);
    }

    async skip(length: number): Promise<void> {
        let left = length - this.#held.length;
        this.#held = this.#held.subarray(Math.min(length, this.#held.length));
        while (left > 0) {
            const chunk = await this.#next();
            if (chunk === undefined) return;
            this.#held = chunk.subarray(Math.min(left, chunk.length));
            left -= chunk.length;
        }
    }

    async end(): Promise<void> {
        await this.chunks.return?.();
    }

    async #next(): Promise<Buffer | undefined> {
        const { done, value } = await this.chunks.next();
        return done === true ? undefined : value;
    }
}
