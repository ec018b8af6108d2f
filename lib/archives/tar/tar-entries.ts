import { randomInt } from "node:crypto";
import type { TarEntry } from "./entry";

const DIGEST_DIGITS = 64;
/** Of lower-case digits by character code; -1 for any other character. No processor guesses a digest's next digit. */
const HEX_VALUES = Int8Array.from({ length: 0x80 }, (_, code) => "0123456789abcdef".indexOf(String.fromCharCode(code)));
/** Of 32 bits. */
const DIGEST_WORDS = 8;
/** A power of two, as all that follow. */
const FIRST_CAPACITY = 1024;
/** Places of the table for each row: few rows meet in one, and a look at the wrong row costs a miss of the cache. */
const PLACES_PER_ROW = 4;

/**
 * The entries of a tar by name. Files that are named by a digest, of which there may be a million, are kept as numbers in
 * columns (68 bytes each) and found by a hash table; all others as they are.
 */
export class TarEntries {
    readonly #others = new Map<string, TarEntry>();
    /** Some of the others, links most likely, are named by a digest too. */
    #hasOtherDigests = false;
    readonly #prefixes = new Map<string, number>();
    readonly #prefixNames: string[] = [];
    #digests = new Int32Array(FIRST_CAPACITY * DIGEST_WORDS);
    #prefixIds = new Uint32Array(FIRST_CAPACITY);
    #offsets = new Float64Array(FIRST_CAPACITY);
    #sizes = new Float64Array(FIRST_CAPACITY);
    /** Row + 1 by hash, 0 where there is none. */
    #table = new Uint32Array(PLACES_PER_ROW * FIRST_CAPACITY);
    #count = 0;
    /** The digest that is looked for. */
    readonly #sought = new Int32Array(DIGEST_WORDS);
    /** Another one for each archive: an attacker cannot choose names that all collide. */
    readonly #seed = randomInt(2 ** 32);

    get(name: string): TarEntry | undefined {
        if (!this.#seek(name)) return this.#others.get(name);
        return this.#find(name, this.#prefixes.get(digestPrefix(name)));
    }

    /** Adds an entry if its name is new. @returns the one that has the name already */
    add(entry: TarEntry): TarEntry | undefined {
        const { name } = entry;
        const isDigest = this.#seek(name);
        if (isDigest && entry.type === "file") return this.#addDigest(entry);
        const known = isDigest ? this.#find(name, this.#prefixes.get(digestPrefix(name))) : this.#others.get(name);
        if (known !== undefined) return known;
        this.#others.set(name, entry);
        this.#hasOtherDigests ||= isDigest;
        return undefined;
    }

    *names(): Iterable<string> {
        yield* this.#others.keys();
        for (let row = 0; row < this.#count; row++) yield this.#name(row);
    }

    /** As `names`, but of those that differ by their digest alone only one. */
    *kindsOfNames(): Iterable<string> {
        yield* this.#others.keys();
        for (const prefix of this.#prefixNames) yield `${prefix}${"0".repeat(DIGEST_DIGITS)}`;
    }

    /** The entry of the sought digest, whose name this is. */
    #find(name: string, prefixId: number | undefined): TarEntry | undefined {
        const row = prefixId === undefined ? -1 : (this.#table[this.#place(this.#sought, 0, prefixId)] ?? 0) - 1;
        if (row >= 0) return this.#entry(row);
        return this.#hasOtherDigests ? this.#others.get(name) : undefined;
    }

    #addDigest({ name, offset, size }: TarEntry): TarEntry | undefined {
        if (this.#count === this.#offsets.length) this.#grow();
        const prefixId = this.#prefixId(name);
        const place = this.#place(this.#sought, 0, prefixId);
        const known = (this.#table[place] ?? 0) - 1;
        if (known >= 0) return this.#entry(known);
        const other = this.#hasOtherDigests ? this.#others.get(name) : undefined;
        if (other !== undefined) return other;
        const row = this.#count++;
        this.#digests.set(this.#sought, row * DIGEST_WORDS);
        this.#prefixIds[row] = prefixId;
        this.#offsets[row] = offset;
        this.#sizes[row] = size;
        this.#table[place] = row + 1;
        return undefined;
    }

    #prefixId(name: string): number {
        const last = this.#prefixNames.at(-1);
        // Most archives have one.
        if (last !== undefined && last.length === name.length - DIGEST_DIGITS && name.startsWith(last)) {
            return this.#prefixNames.length - 1;
        }
        const prefix = digestPrefix(name);
        const known = this.#prefixes.get(prefix);
        if (known !== undefined) return known;
        this.#prefixes.set(prefix, this.#prefixNames.length);
        return this.#prefixNames.push(prefix) - 1;
    }

    /** Reads the digest that a name ends with, as those of blobs in every layout do. @returns false if it does not */
    #seek(name: string): boolean {
        let at = name.length - DIGEST_DIGITS;
        if (at < 0 || (at > 0 && name[at - 1] !== "/" && name[at - 1] !== ":")) return false;
        for (let word = 0; word < DIGEST_WORDS; word++) {
            let value = 0;
            for (const end = at + 8; at < end; at++) {
                const digit = HEX_VALUES[name.charCodeAt(at)] ?? -1;
                if (digit < 0) return false;
                value = (value << 4) | digit;
            }
            this.#sought[word] = value;
        }
        return true;
    }

    /** Where in the table the row of a digest is, or would be; the digest stands in `words` from `from` on. */
    #place(words: Int32Array, from: number, prefixId: number): number {
        const mask = this.#table.length - 1;
        for (let at = this.#hash(words, from, prefixId) & mask; ; at = (at + 1) & mask) {
            const row = (this.#table[at] ?? 0) - 1;
            if (row < 0) return at;
            if (this.#isAt(row, words, from) && this.#prefixIds[row] === prefixId) return at;
        }
    }

    #isAt(row: number, words: Int32Array, from: number): boolean {
        const own = row * DIGEST_WORDS;
        for (let word = 0; word < DIGEST_WORDS; word++) {
            if (this.#digests[own + word] !== words[from + word]) return false;
        }
        return true;
    }

    /** 32 bits; names are only said to be digests, so all of their bytes are mixed. */
    #hash(words: Int32Array, from: number, prefixId: number): number {
        let hash = this.#seed ^ prefixId;
        for (let word = 0; word < DIGEST_WORDS; word++) {
            hash = Math.imul(hash ^ (words[from + word] ?? 0), 0x9e3779b1);
            hash ^= hash >>> 15;
        }
        return hash;
    }

    #name(row: number): string {
        const words = this.#digests.subarray(row * DIGEST_WORDS, (row + 1) * DIGEST_WORDS);
        const digits = Array.from(words, (word) => (word >>> 0).toString(16).padStart(8, "0"));
        return `${this.#prefixNames[this.#prefixIds[row] ?? 0] ?? ""}${digits.join("")}`;
    }

    #entry(row: number): TarEntry {
        const [offset, size] = [this.#offsets[row] ?? 0, this.#sizes[row] ?? 0];
        return { name: this.#name(row), offset, size, type: "file" };
    }

    #grow(): void {
        const capacity = 2 * this.#offsets.length;
        this.#digests = grown(this.#digests, new Int32Array(capacity * DIGEST_WORDS));
        this.#prefixIds = grown(this.#prefixIds, new Uint32Array(capacity));
        this.#offsets = grown(this.#offsets, new Float64Array(capacity));
        this.#sizes = grown(this.#sizes, new Float64Array(capacity));
        this.#table = new Uint32Array(PLACES_PER_ROW * capacity);
        for (let row = 0; row < this.#count; row++) {
            this.#table[this.#place(this.#digests, row * DIGEST_WORDS, this.#prefixIds[row] ?? 0)] = row + 1;
        }
    }
}

function digestPrefix(name: string): string {
    return name.slice(0, -DIGEST_DIGITS);
}

function grown<T extends Int32Array | Uint32Array | Float64Array>(from: T, to: T): T {
    to.set(from);
    return to;
}
