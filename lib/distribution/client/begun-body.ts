/** A body whose first chunk is there before it is sent. */
export class BegunBody {
    private begun:
        { readonly chunks: AsyncIterator<Uint8Array>; readonly first: IteratorResult<Uint8Array> } | undefined;
    private isClosed = false;

    /** @param body the chunks, from the first one on each time */
    constructor(private readonly body: () => AsyncIterable<Uint8Array>) {}

    /** Waits for the first chunk. @throws what reading it throws */
    async begin(): Promise<void> {
        const chunks = this.body()[Symbol.asyncIterator]();
        const first = await chunks.next();
        this.begun = { chunks, first };
        if (this.isClosed) this.close();
    }

    /** All chunks. A request that is sent once more reads them once more. */
    async *chunks(): AsyncGenerator<Uint8Array> {
        const { begun } = this;
        this.begun = undefined;
        if (begun === undefined) {
            yield* this.body();
            return;
        }
        try {
            for (let next = begun.first; next.done !== true; next = await begun.chunks.next()) yield next.value;
        } finally {
            await begun.chunks.return?.();
        }
    }

    /** Ends what was begun and is not sent, also while its first chunk is still to come. */
    close(): void {
        this.isClosed = true;
        const { begun } = this;
        this.begun = undefined;
        // Whoever gave it up knows why.
        begun?.chunks.return?.().catch(() => undefined);
    }
}
