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
        if (this.waiting.length === 0 && this.running < this.limit) this.running++;
        else
            await new Promise<void>((resolve) => {
                this.waiting.push(resolve);
                this.admit();
            });
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
 * @param limit a function is asked whenever an operation has ended
 */
export function mapLimited<T, R>(
    items: readonly T[],
    limit: number | (() => number),
    operation: (item: T) => Promise<R>,
): Promise<R[]> {
    const most = typeof limit === "number" ? () => limit : limit;
    const results = new Array<R>(items.length);
    let next = 0;
    let running = 0;
    let isOver = false;
    // No queue of those that wait: to take the first of 60,000 moves all others.
    return new Promise((resolve, reject) => {
        const one = async (at: number) => {
            try {
                results[at] = await operation(items[at] as T);
            } catch (error) {
                isOver = true;
                reject(error as Error);
            }
            running--;
            begin();
        };
        const begin = () => {
            while (!isOver && next < items.length && running < most()) {
                running++;
                void one(next++);
            }
            if (running === 0) resolve(results);
        };
        begin();
    });
}
