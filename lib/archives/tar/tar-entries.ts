import { randomInt } from "node:crypto";
import type { TarEntry } from "./entry";

/** Names that end with a digest: the blobs of every layout. */
const DIGEST_NAME = /^((?:.*[/:])?)([0-9a-f]{64})$/;
const DIGEST_BYTES = 32;
const FIRST_CAPACITY = 1024;

/**
 * The entries of a tar by name. Files that are named by a digest, of which there may be a million, are kept as numbers in
 * columns (56 bytes each) and found by a hash table; all others as they are.
 */
export class TarEntries {
    readonly #others = new Map<string, TarEntry>();
    readonly #prefixes = new Map<string, number>();
    readonly #prefixNames: string[] = [];
    #digests = Buffer.alloc(FIRST_CAPACITY * DIGEST_BYTES);
    #prefixIds = new Uint32Array(FIRST_CAPACITY);
    #offsets = new Float64Array(FIRST_CAPACITY);
    #sizes = new Float64Array(FIRST_CAPACITY);
    /** Row + 1 by hash, 0 where there is none; twice as many places as rows. */
    #table = new Uint32Array(2 * FIRST_CAPACITY);
    #count = 0;
    /** Another one for each archive: nobody can choose names that all fall into one place. */
    readonly #seed = randomInt(2 ** 32);

    get(name: string): TarEntry | undefined {
        const other = this.#others.get(name);
        if (other !== undefined) return other;
        const [, prefix = "", hex] = DIGEST_NAME.exec(name) ?? [];
        const prefixId = hex === undefined ? undefined : this.#prefixes.get(prefix);
        if (hex === undefined || prefixId === undefined) return undefined;
        const row = (this.#table[this.#place(Buffer.from(hex, "hex"), prefixId)] ?? 0) - 1;
        return row < 0 ? undefined : this.#entry(row);
    }

    /** Adds an entry whose name is new. */
    add(entry: TarEntry): void {
        const [, prefix = "", hex] = entry.type === "file" ? (DIGEST_NAME.exec(entry.name) ?? []) : [];
        if (hex === undefined) {
            this.#others.set(entry.name, entry);
            return;
        }
        if (this.#count === this.#offsets.length) this.#grow();
        const row = this.#count++;
        const prefixId = this.#prefixId(prefix);
        this.#digests.write(hex, row * DIGEST_BYTES, "hex");
        this.#prefixIds[row] = prefixId;
        this.#offsets[row] = entry.offset;
        this.#sizes[row] = entry.size;
        this.#table[this.#place(this.#digest(row), prefixId)] = row + 1;
    }

    *names(): Iterable<string> {
        yield* this.#others.keys();
        for (let row = 0; row < this.#count; row++) yield this.#name(row);
    }

    /** As `names`, but of those that differ by their digest alone only one. */
    *kindsOfNames(): Iterable<string> {
        yield* this.#others.keys();
        for (const prefix of this.#prefixNames) yield `${prefix}${"0".repeat(2 * DIGEST_BYTES)}`;
    }

    #prefixId(prefix: string): number {
        const known = this.#prefixes.get(prefix);
        if (known !== undefined) return known;
        this.#prefixes.set(prefix, this.#prefixNames.length);
        return this.#prefixNames.push(prefix) - 1;
    }

    /** Where in the table the row of a digest is, or would be. */
    #place(digest: Buffer, prefixId: number): number {
        const places = this.#table.length;
        for (let at = this.#hash(digest, prefixId) % places; ; at = (at + 1) % places) {
            const row = (this.#table[at] ?? 0) - 1;
            if (row < 0) return at;
            if (this.#prefixIds[row] === prefixId && this.#digest(row).equals(digest)) return at;
        }
    }

    /** 32 bits; names are only said to be digests, so all of their bytes are mixed. */
    #hash(digest: Buffer, prefixId: number): number {
        let hash = this.#seed ^ prefixId;
        for (let at = 0; at < DIGEST_BYTES; at += 4) {
            hash = Math.imul(hash ^ digest.readUInt32LE(at), 0x9e3779b1);
            hash ^= hash >>> 15;
        }
        return hash >>> 0;
    }

    #digest(row: number): Buffer {
        return this.#digests.subarray(row * DIGEST_BYTES, (row + 1) * DIGEST_BYTES);
    }

    #name(row: number): string {
        return `${this.#prefixNames[this.#prefixIds[row] ?? 0] ?? ""}${this.#digest(row).toString("hex")}`;
    }

    #entry(row: number): TarEntry {
        const [offset, size] = [this.#offsets[row] ?? 0, this.#sizes[row] ?? 0];
        return { name: this.#name(row), offset, size, type: "file" };
    }

    #grow(): void {
        const capacity = 2 * this.#offsets.length;
        this.#digests = Buffer.concat([this.#digests], capacity * DIGEST_BYTES);
        this.#prefixIds = grown(this.#prefixIds, new Uint32Array(capacity));
        this.#offsets = grown(this.#offsets, new Float64Array(capacity));
        this.#sizes = grown(this.#sizes, new Float64Array(capacity));
        this.#table = new Uint32Array(2 * capacity);
        for (let row = 0; row < this.#count; row++) {
            this.#table[this.#place(this.#digest(row), this.#prefixIds[row] ?? 0)] = row + 1;
        }
    }
}

function grown<T extends Uint32Array | Float64Array>(from: T, to: T): T {
    to.set(from);
    return to;
}
