/** Bytes of a header and of the unit that bodies are padded to (POSIX pax, "ustar Interchange Format"). */
export const TAR_BLOCK = 512;

/** What one header block says, before extended headers change it. */
export interface TarHeader {
    readonly name: string;
    readonly size: number;
    /** The type byte as a character; `\0` of old archives is "0". */
    readonly flag: string;
    readonly linkname: string;
    /** GNU old sparse: further map blocks stand between this header and the body. */
    readonly isExtended: boolean;
}

/** What is wrong with a header block; the caller knows archive, entry and offset. */
export class TarHeaderFault extends Error {
    readonly code: "ARCHIVE_CORRUPT" | "ARCHIVE_ENTRY_INVALID";

    constructor(code: "ARCHIVE_CORRUPT" | "ARCHIVE_ENTRY_INVALID", message: string) {
        super(message);
        this.code = code;
    }
}

/** True for a block of zeros; two of them end an archive. */
export function isZeroBlock(block: Buffer): boolean {
    return block.every((byte) => byte === 0);
}

/**
 * Reads a 512-byte header block: v7, USTAR with prefix, GNU and star.
 * @throws TarHeaderFault if the checksum is wrong or the size is no size.
 */
export function parseTarHeader(block: Buffer): TarHeader {
    checkSum(block);
    const flag = block[156] === 0 ? "0" : block.toString("latin1", 156, 157);
    const isGnu = block.toString("latin1", 257, 265) === "ustar  \0";
    return {
        name: nameOf(block, isGnu),
        size: parseNumber(block.subarray(124, 136)),
        flag,
        linkname: text(block.subarray(157, 257)),
        isExtended: isGnu && flag === "S" && block[482] !== 0,
    };
}

function nameOf(block: Buffer, isGnu: boolean): string {
    const name = text(block.subarray(0, 100));
    // GNU keeps times and sparse maps where USTAR has the prefix.
    if (isGnu || block.toString("latin1", 257, 262) !== "ustar") return name;
    const isStar = block.toString("latin1", 508, 512) === "tar\0";
    const prefix = text(block.subarray(345, isStar ? 476 : 500));
    return prefix === "" ? name : `${prefix}/${name}`;
}

function checkSum(block: Buffer): void {
    const written = /^[ \0]*([0-7]+)[ \0]*$/.exec(block.toString("latin1", 148, 156))?.[1];
    const expected = written === undefined ? undefined : parseInt(written, 8);
    // Some old writers summed signed bytes.
    if (expected === sumOf(block) || expected === sumOf(new Int8Array(block))) return;
    throw new TarHeaderFault("ARCHIVE_CORRUPT", "the header's checksum is wrong");
}

/** The sum of all bytes, the checksum's own eight as spaces. */
function sumOf(bytes: Uint8Array | Int8Array): number {
    let sum = 8 * 0x20;
    for (let at = 0; at < 148; at++) sum += bytes[at] ?? 0;
    for (let at = 156; at < TAR_BLOCK; at++) sum += bytes[at] ?? 0;
    return sum;
}

/** Octal text, or base-256 if the first byte's high bit is set (GNU, for 8 GiB and more). */
function parseNumber(field: Buffer): number {
    const first = field[0] ?? 0;
    if ((first & 0x80) === 0) return parseOctal(field.toString("latin1"));
    const value = parseBase256(field);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
        throw new TarHeaderFault("ARCHIVE_ENTRY_INVALID", `the size ${value} is more than 2^53 bytes`);
    }
    return Number(value);
}

function parseBase256(field: Buffer): bigint {
    if ((field[0] ?? 0) & 0x40) throw new TarHeaderFault("ARCHIVE_ENTRY_INVALID", "the size is negative");
    const digits = Buffer.from(field);
    digits[0] = (digits[0] ?? 0) & 0x3f;
    return BigInt(`0x${digits.toString("hex")}`);
}

function parseOctal(field: string): number {
    const digits = /^[ \0]*([0-7]*)[ \0]*$/.exec(field)?.[1];
    if (digits === undefined) {
        throw new TarHeaderFault("ARCHIVE_ENTRY_INVALID", `the size ${JSON.stringify(field)} is not a number`);
    }
    return digits === "" ? 0 : parseInt(digits, 8);
}

function text(field: Buffer): string {
    const end = field.indexOf(0);
    return field.toString("utf8", 0, end === -1 ? field.length : end);
}
