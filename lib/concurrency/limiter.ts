/** Lets at most `limit` operations run at once; the others wait in order. */
export class Limiter {
    private running = 0;
    private readonly waiting: (() => void)[] = [];

    constructor(readonly limit: number) {}

    /** Runs `operation` when a place is free. */
    async run<T>(operation: () => Promise<T>): Promise<T> {
        if (this.running >= this.limit) await new Promise<void>((resolve) => this.waiting.push(resolve));
        else this.running++;
        try {
            return await operation();
        } finally {
            // The slot is handed to the next in line instead of released, so that nothing else can take it in between.
            const next = this.waiting.shift();
            if (next) next();
            else this.running--;
        }
    }
}

/**
 * Runs `operation` on every item, at most `limit` at once; results in the items' order. Rejects with the first error;
 * what has not begun by then is not begun.
 */
export async function mapLimited<T, R>(
    items: readonly T[],
    limit: number,
    operation: (item: T) => Promise<R>,
): Promise<R[]> {
    const limiter = new Limiter(limit);
    let failure: { readonly error: unknown } | undefined;
    const guarded = async (item: T): Promise<R> => {
        if (failure !== undefined) throw failure.error;
        try {
            return await operation(item);
        } catch (error) {
            failure ??= { error };
            throw error;
        }
    };
    return Promise.all(items.map((item) => limiter.run(() => guarded(item))));
}
