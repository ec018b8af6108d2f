import { createCipheriv } from "node:crypto";

/** Numbers from a seed (mulberry32, public domain): the same seed gives the same round, on every machine. */
export class Random {
    private state: number;

    constructor(seed: number) {
        this.state = seed >>> 0;
    }

    /** At least 0, less than 1. */
    fraction(): number {
        this.state = (this.state + 0x6d2b79f5) >>> 0;
        let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
    }

    /** A whole number, both ends included. */
    between(least: number, most: number): number {
        return least + Math.floor(this.fraction() * (most - least + 1));
    }

    pick<T>(items: readonly T[]): T {
        return items[this.between(0, items.length - 1)] as T;
    }

    /** Bytes that do not compress and that no other seed gives (AES in counter mode over a key from here). */
    bytes(length: number): Buffer {
        const key = Buffer.alloc(16);
        for (let at = 0; at < 16; at += 4) key.writeUInt32LE(Math.floor(this.fraction() * 4294967296), at);
        return createCipheriv("aes-128-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(length));
    }
}

/** A seed of its own for every case and round (FNV-1a). */
export function deriveSeed(...parts: readonly (string | number)[]): number {
    let hash = 0x811c9dc5;
    for (const char of parts.join("|")) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
    return hash >>> 0;
}
