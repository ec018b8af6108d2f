/** A chunk is kept in memory until the registry has it, and several blobs are sent at once. */
const LARGEST = 8 * 1024 * 1024;
/** The most bytes of a blob that are sent again after a break, where the registry keeps what has arrived. */
export const MOST_AGAIN = 16 * 1024 * 1024;
/** Below this every manifest would be rejected as well. */
const SMALLEST = 64 * 1024;

/** How large one request body may be: as configured, or as learned from responses 413. Bytes. */
export class ChunkSize {
    private limit: number | undefined;
    private least = 0;
    private losesStreams = false;

    /** The limit that responses 413 have shown; undefined: none did. */
    learned: number | undefined;

    /** @param maxBody absent: no limit is known */
    constructor(maxBody: number | undefined) {
        this.limit = maxBody;
    }

    /** Size of the chunks that a body of `size` bytes is sent in; undefined: it is sent whole. */
    chunkFor(size: number): number | undefined {
        const most = this.losesStreams ? Math.min(this.limit ?? Infinity, MOST_AGAIN) : this.limit;
        if (most === undefined || size <= most) return undefined;
        return Math.max(Math.min(most, LARGEST), this.least);
    }

    /** A body that broke was lost, and not only what was on its way: what is larger than may be sent again comes in chunks. */
    streamLost(): void {
        this.losesStreams = true;
    }

    /** Reads the header `OCI-Chunk-Min-Length` of a response that begins an upload (distribution-spec, "Pushing a blob in chunks"). */
    readLeast(header: string | string[] | undefined): void {
        const least = Number(header);
        if (typeof header === "string" && Number.isSafeInteger(least) && least > 0) this.least = least;
    }

    /**
     * A body of so many bytes was rejected as too large: the next ones are smaller.
     * @returns false if smaller ones make no sense, or the registry accepts none
     */
    learn(rejected: number): boolean {
        const known = this.limit ?? Infinity;
        // Another blob has learned a smaller limit meanwhile.
        if (known < rejected) return this.chunkFor(rejected) !== rejected;
        const next = Math.min(LARGEST, Math.max(SMALLEST, Math.floor(rejected / 2)));
        if (next >= rejected || next < this.least) return false;
        this.limit = next;
        this.learned = next;
        return true;
    }
}
