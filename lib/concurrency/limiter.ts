/** Lets at most `limit` operations run at once; the others wait in order. */
export class Limiter {
    private running = 0;
    private readonly waiting: (() => void)[] = [];

    /** @param most a function is asked whenever an operation wants to begin or has ended */
    constructor(private readonly most: number | (() => number)) {}

    /** Operations that may run now. */
    get limit(): number {
        return typeof this.most === "number" ? this.most : this.most();
    }

    /** Runs `operation` when a place is free. */
    async run<T>(operation: () => Promise<T>): Promise<T> {
        if (this.running < this.limit) this.running++;
        else await new Promise<void>((resolve) => this.waiting.push(resolve));
        try {
            return await operation();
        } finally {
            this.running--;
            this.admit();
        }
    }

    /** A place is taken for who waits before anything else can take it. */
    private admit(): void {
        while (this.running < this.limit) {
            const next = this.waiting.shift();
            if (next === undefined) return;
            this.running++;
            next();
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
