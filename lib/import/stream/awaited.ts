/** Something that a stream is to bring. Whoever waits for it learns of its failure; if nobody does, nothing happens. */
export class Awaited<T> {
    readonly promise: Promise<T>;
    private settle!: { resolve(value: T): void; reject(error: Error): void };
    private isOver = false;

    constructor() {
        this.promise = new Promise<T>((resolve, reject) => (this.settle = { resolve, reject }));
        this.promise.catch(() => undefined);
    }

    /** False once it has come, or is known not to. */
    get isOpen(): boolean {
        return !this.isOver;
    }

    resolve(value: T): void {
        this.isOver = true;
        this.settle.resolve(value);
    }

    reject(error: Error): void {
        this.isOver = true;
        this.settle.reject(error);
    }
}
