/** Bytes of a piece, as much as an archive reads at once. */
const PIECE_BYTES = 1024 * 1024;
/** Bytes of a piece beyond `LARGE_PIECES`. */
const SMALL_PIECE = 256 * 1024;
/** Bytes of all pieces up to which they are large. A blob on its way has about four, and many blobs may be at once. */
const LARGE_PIECES = 32 * 1024 * 1024;

/**
 * Memory that pieces of blobs are read into, used again and again: new memory for every piece costs a fifth of an
 * import's CPU time (the collector, and the kernel's zeroing of pages). It is shared memory, so that another thread can hash it.
 */
export class PieceBuffers {
    private readonly free: SharedArrayBuffer[] = [];
    /** Bytes of all memory that is used again. */
    private bytes = 0;

    /** Memory for one attempt to send a blob. */
    lend(): PieceLoan {
        return new PieceLoan(this);
    }

    /** Memory for a piece of up to so many bytes. */
    take(size: number): SharedArrayBuffer {
        return this.free.pop() ?? new SharedArrayBuffer(size < SMALL_PIECE ? size : this.nextPiece());
    }

    /** It may be overwritten. */
    giveBack(memory: SharedArrayBuffer): void {
        if (memory.byteLength >= SMALL_PIECE) this.free.push(memory);
    }

    /** It may still be in use, and is not used again. */
    forget({ byteLength }: SharedArrayBuffer): void {
        if (byteLength >= SMALL_PIECE) this.bytes -= byteLength;
    }

    private nextPiece(): number {
        const size = this.bytes + PIECE_BYTES > LARGE_PIECES ? SMALL_PIECE : PIECE_BYTES;
        this.bytes += size;
        return size;
    }
}

/** The pieces of one attempt. One that breaks is forgotten with its pieces: a read or a socket may still use them. */
export class PieceLoan {
    private readonly taken = new Set<SharedArrayBuffer>();
    private isBroken = false;

    constructor(private readonly buffers: PieceBuffers) {}

    /** Memory for a piece of up to so many bytes; less if many blobs are on their way. */
    readonly take = (size: number): Buffer => {
        if (this.isBroken) return Buffer.allocUnsafeSlow(size);
        const memory = this.buffers.take(size);
        this.taken.add(memory);
        return Buffer.from(memory, 0, Math.min(size, memory.byteLength));
    };

    /** The piece has left: whatever comes next may overwrite it. A piece of other memory is ignored. */
    giveBack({ buffer }: Buffer): void {
        if (buffer instanceof SharedArrayBuffer && this.taken.delete(buffer)) this.buffers.giveBack(buffer);
    }

    /** The whole blob has arrived. */
    giveBackAll(): void {
        for (const memory of this.taken) this.buffers.giveBack(memory);
        this.taken.clear();
    }

    /** The attempt broke. */
    forgetAll(): void {
        this.isBroken = true;
        for (const memory of this.taken) this.buffers.forget(memory);
        this.taken.clear();
    }
}
