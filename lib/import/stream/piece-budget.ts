/** Bytes of a piece: a blob below that has one of its own size. */
const PIECE_BYTES = 256 * 1024;

/**
 * Memory that a stream is read ahead into: so many bytes over all blobs in flight, and what was given back is used again.
 * It is shared memory, so that another thread can hash it. One reader takes, whoever sends gives back.
 */
export class PieceBudget {
    /** True once nothing more is to be read. */
    isClosed = false;
    private used = 0;
    private readonly free: SharedArrayBuffer[] = [];
    private wake: (() => void) | undefined;

    /**
     * @param most bytes
     * @param makeRoom gives something back that may be missed; false if there is nothing
     */
    constructor(
        private readonly most: number,
        private readonly makeRoom: () => boolean,
    ) {}

    /**
     * Memory for the next bytes, once there is room for it.
     * @param wanted bytes that are left to be read; no more than a piece is given
     * @param cannotWait asked where no room can be made: true gives a piece beyond the budget
     */
    async take(wanted: number, cannotWait: () => boolean): Promise<Buffer> {
        const size = Math.min(wanted, PIECE_BYTES);
        while (this.used + size > this.most && !this.isClosed) {
            if (this.makeRoom()) continue;
            if (cannotWait()) break;
            await new Promise<void>((resolve) => (this.wake = resolve));
        }
        this.used += size;
        const known = size === PIECE_BYTES ? this.free.pop() : undefined;
        return Buffer.from(known ?? new SharedArrayBuffer(size));
    }

    /** Nobody reads the piece any more, unless a connection that broke does: what that one sends reaches nobody. */
    giveBack(piece: Buffer): void {
        this.used -= piece.length;
        const { buffer } = piece;
        if (piece.length === PIECE_BYTES && buffer instanceof SharedArrayBuffer) this.free.push(buffer);
        this.changed();
    }

    /** Whoever waits for room waits no longer. */
    close(): void {
        this.isClosed = true;
        this.changed();
    }

    /** Something was read or has ended: who waits for room looks again. */
    changed(): void {
        const { wake } = this;
        this.wake = undefined;
        wake?.();
    }
}
