import { PassthroughError } from "../../errors/errors";
import type { ArchivePlace } from "../../errors/problem";
import type { Digest } from "../../oci/digest";
import { Awaited } from "./awaited";
import type { PieceBudget } from "./piece-budget";

/** Up to this many bytes a blob is in memory as a whole before it is sent, and until the registry has it. */
const KEPT_WHOLE = 8 * 1024 * 1024;
/**
 * Pieces behind a reader that are still in use: one is read ahead of it, one is held back until it is proven, one is on its
 * way, one is being hashed.
 */
const IN_USE = 6;
/** Pieces that the blob which is being read may have ahead of its upload beyond the budget: an upload must never starve. */
const NEVER_FEWER = 4;

/** The bytes of one blob from the stream, from when they come until the registry has them. */
export class StreamedBlob {
    /** Settles when it is time to send: small blobs when all of their bytes are there. */
    begun = new Awaited<void>();
    /** Repositories that it is being sent to at present. */
    sending = 0;
    /** Where in the stream it was found. */
    place: ArchivePlace | undefined;
    private pieces: (Buffer | undefined)[] = [];
    /** Pieces that were given back already. */
    private gone = 0;
    private readonly readers = new Set<{ at: number }>();
    private state: "arriving" | "whole" | "over" = "arriving";
    /** Who reads its bytes from the stream at present. */
    private filling: object | undefined;
    private failure: Error | undefined;
    /** Where a reader waits for the next piece. */
    private more: Awaited<void> | undefined;

    /** @param tasks repositories that it goes to */
    constructor(
        private readonly digest: Digest,
        readonly size: number,
        private readonly budget: PieceBudget,
        public tasks: number,
    ) {}

    /** True if its bytes may be given back as soon as they were sent, where there is no room for others. */
    get mayGo(): boolean {
        return this.size > KEPT_WHOLE;
    }

    /** True until its bytes come, or it is known that they do not. */
    get isExpected(): boolean {
        return this.state === "arriving" && this.failure === undefined && this.filling === undefined;
    }

    /** True once nobody wants its bytes any more. */
    get isOver(): boolean {
        return this.state === "over";
    }

    /** Reads its bytes from the stream; returns early once nobody wants them any more, or not from there. */
    async fill(body: AsyncIterable<Buffer>): Promise<void> {
        const own = (this.filling = {});
        let piece: Buffer = Buffer.alloc(0);
        let [filled, left] = [0, this.size];
        for await (const chunk of body) {
            for (let at = 0; at < chunk.length;) {
                if (filled === piece.length && this.filling === own) {
                    if (filled > 0) this.push(piece);
                    const cannotWait = () => this.filling !== own || this.state === "over" || this.isStarving();
                    piece = await this.budget.take(left, cannotWait);
                    filled = 0;
                    left -= piece.length;
                }
                if (this.filling !== own || this.state === "over" || this.budget.isClosed) {
                    this.budget.giveBack(piece);
                    return;
                }
                const copied = chunk.copy(piece, filled, at);
                filled += copied;
                at += copied;
            }
        }
        if (this.filling !== own) {
            this.budget.giveBack(piece);
            return;
        }
        if (filled > 0) this.push(piece);
        if (this.state === "arriving") this.state = "whole";
        this.begun.resolve();
        this.tell();
    }

    /** No more of it will come. */
    fail(error: Error): void {
        if (this.state !== "arriving") return;
        this.failure = error;
        this.begun.reject(error);
        this.tell();
    }

    /**
     * Its bytes, as far as they have come and then as they come; again, if none of them was given back.
     * @throws PassthroughError `ARCHIVE_STREAM_PASSED`; that the stream ended before
     */
    async *read(): AsyncGenerator<Buffer> {
        const reader = { at: 0 };
        this.readers.add(reader);
        try {
            for (;;) {
                if (!this.readers.has(reader) || this.gone > reader.at || this.state === "over") throw this.passed();
                const piece = this.pieces[reader.at];
                if (piece !== undefined) {
                    reader.at++;
                    this.budget.changed();
                    yield piece;
                } else if (this.state === "whole") return;
                else if (this.failure !== undefined) throw this.failure;
                else await (this.more ??= new Awaited()).promise;
            }
        } finally {
            this.readers.delete(reader);
        }
    }

    /** Gives back what every reader has sent. @returns false if that is nothing */
    giveSentBack(): boolean {
        if (this.readers.size === 0) return false;
        const sent = Math.min(...[...this.readers].map(({ at }) => at)) - IN_USE;
        const before = this.gone;
        while (this.gone < sent) this.giveNextBack();
        return this.gone > before;
    }

    /** It is to be read once more from its first byte on: nobody reads it now, but an attempt that failed. */
    again(): void {
        while (this.gone < this.pieces.length) this.giveNextBack();
        this.readers.clear();
        this.pieces = [];
        this.gone = 0;
        this.state = "arriving";
        this.filling = undefined;
        this.begun = new Awaited();
        this.tell();
    }

    /** An attempt to send it ended: with all repositories done, or with what cannot be sent again, its memory is free. */
    ended(isStored: boolean): void {
        this.tasks--;
        if (!isStored && this.tasks > 0 && this.gone === 0) return;
        this.state = "over";
        while (this.gone < this.pieces.length) this.giveNextBack();
        this.budget.changed();
    }

    private isStarving(): boolean {
        const furthest = Math.max(...[...this.readers].map(({ at }) => at));
        return this.readers.size > 0 && this.pieces.length - furthest < NEVER_FEWER;
    }

    private push(piece: Buffer): void {
        if (this.state === "over") {
            this.budget.giveBack(piece);
            return;
        }
        this.pieces.push(piece);
        if (this.mayGo && this.begun.isOpen) this.begun.resolve();
        this.tell();
    }

    private giveNextBack(): void {
        const piece = this.pieces[this.gone];
        this.pieces[this.gone++] = undefined;
        if (piece !== undefined) this.budget.giveBack(piece);
    }

    private tell(): void {
        const { more } = this;
        this.more = undefined;
        more?.resolve();
    }

    private passed(): PassthroughError {
        return new PassthroughError(
            "its upload broke, and its first bytes have passed: they cannot be read again in this run",
            {
                code: "ARCHIVE_STREAM_PASSED",
                thing: `blob ${this.digest}`,
                fix: "run the same command again: it sends only what is missing",
            },
        );
    }
}
