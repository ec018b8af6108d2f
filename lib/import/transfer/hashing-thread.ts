import { createHash } from "node:crypto";
import { Worker } from "node:worker_threads";
import type { Digest } from "../../oci/digest";

/** The sha256 of a blob that is read piece by piece. */
export interface BlobHash {
    /** Resolves when the piece has been read, and may be overwritten. */
    update(piece: Buffer): Promise<void>;
    digest(): Promise<Digest>;
    /** Ends a hash whose digest is not needed any more. */
    drop(): void;
}

interface Answer {
    readonly ticket: number;
    readonly hex?: string;
}

interface Waiting {
    resolve(hex: string | undefined): void;
    reject(error: Error): void;
}

/** Run as text, so that the thread needs no file of its own. A message without a piece ends its hash. */
const THREAD = `
const { parentPort } = require("node:worker_threads");
const { createHash } = require("node:crypto");
const hashes = new Map();
parentPort.on("message", ({ id, ticket, piece }) => {
    const hash = hashes.get(id) ?? createHash("sha256");
    if (piece === undefined) hashes.delete(id);
    else hashes.set(id, hash.update(piece));
    parentPort.postMessage(piece === undefined ? { ticket, hex: hash.digest("hex") } : { ticket });
});`;

/**
 * Hashes beside the event loop: that one encrypts what is sent, and with both it would be busier than the registry.
 * The thread is started by its first blob.
 */
export class HashingThread {
    private worker: Worker | undefined;
    private readonly waiting = new Map<number, Waiting>();
    private failure: Error | undefined;
    private lastId = 0;
    private lastTicket = 0;

    /** A hash in the thread; pieces that do not lie in shared memory are copied. */
    sha256(): BlobHash {
        const id = ++this.lastId;
        return {
            update: (piece) => {
                const isShared = piece.buffer instanceof SharedArrayBuffer;
                // A message would take all the memory that the piece is a part of.
                const hashed = this.ask({ id, piece: isShared ? piece : Uint8Array.from(piece) }).then(() => undefined);
                // A transfer that broke waits for none of its pieces any more.
                hashed.catch(() => undefined);
                return hashed;
            },
            digest: async () => `sha256:${(await this.ask({ id })) ?? ""}`,
            drop: () => {
                this.ask({ id }).catch(() => undefined);
            },
        };
    }

    async close(): Promise<void> {
        await this.worker?.terminate();
    }

    private ask(message: { id: number; piece?: Uint8Array }): Promise<string | undefined> {
        if (this.failure !== undefined) return Promise.reject(this.failure);
        const ticket = ++this.lastTicket;
        this.worker ??= this.start();
        // Bytes that a registry has already are hashed before a request is under way: nothing else keeps the process.
        if (this.waiting.size === 0) this.worker.ref();
        this.worker.postMessage({ ...message, ticket });
        const response = new Promise<string | undefined>((resolve, reject) =>
            this.waiting.set(ticket, { resolve, reject }),
        );
        // A failure rejects the waiting call; without one, the call that asks for the digest.
        response.catch(() => undefined);
        return response;
    }

    private start(): Worker {
        const worker = new Worker(THREAD, { eval: true });
        worker.on("message", ({ ticket, hex }: Answer) => {
            this.waiting.get(ticket)?.resolve(hex);
            this.waiting.delete(ticket);
            if (this.waiting.size === 0) worker.unref();
        });
        worker.on("error", (error) => this.fail(error));
        worker.on("exit", () => this.fail(new Error("the hashing thread has ended")));
        worker.unref();
        return worker;
    }

    private fail(error: Error): void {
        this.failure ??= error;
        for (const { reject } of this.waiting.values()) reject(this.failure);
        this.waiting.clear();
    }
}

/** A hash on the spot: for what is so small that asking the thread would take longer. */
export function sha256OnTheSpot(): BlobHash {
    const hash = createHash("sha256");
    return {
        update: async (piece) => {
            hash.update(piece);
        },
        digest: async () => `sha256:${hash.digest("hex")}`,
        drop: () => undefined,
    };
}
