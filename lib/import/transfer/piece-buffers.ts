/**
 * Memory that pieces of blobs are read into, used again and again: new memory for every piece costs a fifth of an
 * import's CPU time (the collector, and the kernel's zeroing of pages). It is shared memory, so that another thread can hash it.
 */
export class PieceBuffers {
    private readonly free: SharedArrayBuffer[] = [];

    /** Memory for one attempt to send a blob. */
    lend(): PieceLoan {
        return new PieceLoan(this.free);
    }
}

/** The pieces of one attempt. One that breaks is forgotten with its pieces: a read or a socket may still use them. */
export class PieceLoan {
    private readonly taken = new Set<ArrayBufferLike>();

    constructor(private readonly free: SharedArrayBuffer[]) {}

    /** Memory for a piece of so many bytes. */
    readonly take = (size: number): Buffer => {
        const last = this.free.pop();
        const memory = last !== undefined && last.byteLength >= size ? last : new SharedArrayBuffer(size);
        this.taken.add(memory);
        return Buffer.from(memory, 0, size);
    };

    /** The piece has left: whatever comes next may overwrite it. A piece of other memory is ignored. */
    giveBack({ buffer }: Buffer): void {
        if (this.taken.delete(buffer) && buffer instanceof SharedArrayBuffer) this.free.push(buffer);
    }

    /** The whole blob has arrived. */
    giveBackAll(): void {
        for (const memory of this.taken) if (memory instanceof SharedArrayBuffer) this.free.push(memory);
        this.taken.clear();
    }
}
