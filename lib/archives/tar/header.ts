/** Bytes of a header and of the unit that bodies are padded to (POSIX pax, "ustar Interchange Format"). */
export const TAR_BLOCK = 512;

/** Memory that a tar is read into, as bytes and as words: a checksum over words takes a third of the time. */
export interface TarBlocks {
    readonly bytes: Buffer;
    readonly words: Int32Array;
}

/** One block of a tar that is read piece by piece. */
export function tarBlocks(block: Buffer): TarBlocks {
    const words = new Int32Array(TAR_BLOCK / Int32Array.BYTES_PER_ELEMENT);
    const bytes = Buffer.from(words.buffer);
    block.copy(bytes, 0, 0, TAR_BLOCK);
    return { bytes, words };
}

/** What one header block says, before extended headers change it. */
export interface TarHeader {
    readonly name: string;
    readonly size: number;
    /** The type byte as a character; `\0` of old archives is "0". */
    readonly flag: string;
    /** Of a link or symlink; of all others empty. */
    readonly linkname: string;
    /** GNU old sparse: further map blocks stand between this header and the body. */
    readonly isExtended: boolean;
}

/** What is wrong with a header block; the caller knows archive, entry and offset. */
export class TarHeaderError extends Error {
    readonly code: "ARCHIVE_CORRUPT" | "ARCHIVE_ENTRY_INVALID";
    readonly problem: string;
    /** The header's name, where its checksum is right. */
    readonly entry: string | undefined;

    constructor(code: "ARCHIVE_CORRUPT" | "ARCHIVE_ENTRY_INVALID", problem: string, entry?: string) {
        super(problem);
        this.code = code;
        this.problem = problem;
        this.entry = entry;
    }
}

/** True for a block of zeros; two of them end an archive. */
export function isZeroBlock({ bytes }: TarBlocks, at: number): boolean {
    // The first byte decides for nearly all headers.
    return bytes[at] === 0 && bytes.subarray(at, at + TAR_BLOCK).every((byte) => byte === 0);
}

/**
 * Reads the 512-byte header block at `at`, a multiple of four: v7, USTAR with prefix, GNU and star.
 * @throws TarHeaderError if the checksum is wrong or the size is no size.
 */
export function parseTarHeader(blocks: TarBlocks, at: number): TarHeader {
    checkSum(blocks, at);
    const { bytes } = blocks;
    const isGnu = holds(bytes, at + 257, "ustar  \0");
    const flag = bytes[at + 156] === 0 ? "0" : String.fromCharCode(bytes[at + 156] ?? 0);
    const name = readName(bytes, at, isGnu);
    return {
        name,
        size: parseNumber(bytes, at + 124, at + 136, name),
        flag,
        linkname: flag === "1" || flag === "2" ? text(bytes, at + 157, at + 257) : "",
        isExtended: isGnu && flag === "S" && bytes[at + 482] !== 0,
    };
}

function readName(bytes: Buffer, at: number, isGnu: boolean): string {
    const name = text(bytes, at, at + 100);
    // GNU keeps times and sparse maps where USTAR has the prefix.
    if (bytes[at + 345] === 0 || isGnu || !holds(bytes, at + 257, "ustar")) return name;
    const isStar = holds(bytes, at + 508, "tar\0");
    return `${text(bytes, at + 345, at + (isStar ? 476 : 500))}/${name}`;
}

function checkSum({ bytes, words }: TarBlocks, at: number): void {
    const written = parseOctal(bytes, at + 148, at + 156);
    if (written === sumWords(words, at / 4) - sumBytes(bytes, at + 148, at + 156) + 8 * 0x20) return;
    // Some old writers summed signed bytes.
    const signed = new Int8Array(bytes.buffer, bytes.byteOffset + at, TAR_BLOCK);
    if (written === sumBytes(signed, 0, 148) + 8 * 0x20 + sumBytes(signed, 156, TAR_BLOCK)) return;
    throw new TarHeaderError("ARCHIVE_CORRUPT", "the header's checksum is wrong");
}

/** The sum of a block's bytes, two of each word at a time: 256 bytes have at most 65,280, so no half runs over. */
function sumWords(words: Int32Array, from: number): number {
    let sums = 0;
    for (let at = from; at < from + TAR_BLOCK / 4; at++) {
        const word = words[at] ?? 0;
        sums += (word & 0x00ff00ff) + ((word >>> 8) & 0x00ff00ff);
    }
    return (sums & 0xffff) + (sums >>> 16);
}

function sumBytes(bytes: Uint8Array | Int8Array, from: number, to: number): number {
    let sum = 0;
    for (let at = from; at < to; at++) sum += bytes[at] ?? 0;
    return sum;
}

/**
 * Octal text, or base-256 if the first byte's high bit is set (GNU, for 8 GiB and more).
 * @param name of the entry, for errors
 */
function parseNumber(bytes: Buffer, from: number, to: number, name: string): number {
    const refused = (what: string) => new TarHeaderError("ARCHIVE_ENTRY_INVALID", what, name);
    if (((bytes[from] ?? 0) & 0x80) === 0) {
        const value = parseOctal(bytes, from, to);
        if (value !== undefined) return value;
        throw refused(`the size ${JSON.stringify(bytes.toString("latin1", from, to))} is not a number`);
    }
    if ((bytes[from] ?? 0) & 0x40) throw refused("the size is negative");
    const value = parseBase256(bytes.subarray(from, to));
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw refused(`the size ${value} is more than 2^53 bytes`);
    return Number(value);
}

function parseBase256(field: Buffer): bigint {
    const digits = Buffer.from(field);
    digits[0] = (digits[0] ?? 0) & 0x3f;
    return BigInt(`0x${digits.toString("hex")}`);
}

/** Octal digits between spaces and NULs, 0 if there are only those; undefined for anything else. */
function parseOctal(bytes: Buffer, from: number, to: number): number | undefined {
    let [start, end] = [from, to];
    while (start < end && isBlank(bytes[start])) start++;
    while (end > start && isBlank(bytes[end - 1])) end--;
    let value = 0;
    for (let at = start; at < end; at++) {
        const digit = (bytes[at] ?? 0) - 0x30;
        if (digit < 0 || digit > 7) return undefined;
        value = value * 8 + digit;
    }
    return value;
}

function isBlank(byte: number | undefined): boolean {
    return byte === 0x20 || byte === 0;
}

function holds(bytes: Buffer, at: number, ascii: string): boolean {
    for (let i = 0; i < ascii.length; i++) if (bytes[at + i] !== ascii.charCodeAt(i)) return false;
    return true;
}

function text(bytes: Buffer, from: number, to: number): string {
    let end = from;
    while (end < to && bytes[end] !== 0) end++;
    return bytes.toString("utf8", from, end);
}
