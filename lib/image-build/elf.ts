import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** What a program needs to start (System V ABI, "Program Loading and Dynamic Linking"). */
export interface Needs {
    /** As images and nodes name it (Go's GOARCH): `amd64`; undefined for others than those that OpenShift runs on. */
    readonly architecture: string | undefined;
    /** Path of what loads its libraries: `/lib64/ld-linux-x86-64.so.2`; absent: it needs none, or is a library. */
    readonly interpreter?: string;
    /** Names of libraries: `libc.so.6`. */
    readonly libraries: readonly string[];
}

/** e_machine */
const ARCHITECTURES: Readonly<Record<number, string>> = { 21: "ppc64le", 62: "amd64", 183: "arm64" };
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NEEDED = 1n;
const DT_STRTAB = 5n;

interface Segment {
    readonly type: number;
    readonly offset: number;
    readonly address: bigint;
    readonly size: number;
}

/** Reads an ELF file of a 64-bit little-endian machine. @throws Error if it is none */
export function readNeeds(path: string): Needs {
    const file = openSync(path, "r");
    try {
        const size = fstatSync(file).size;
        const at = (offset: number, length: number) => {
            const bytes = Buffer.alloc(Math.max(0, Math.min(length, size - offset)));
            readSync(file, bytes, 0, bytes.length, offset);
            return bytes;
        };
        const header = at(0, 64);
        if (header.toString("latin1", 0, 4) !== "\x7fELF" || header[4] !== 2 || header[5] !== 1)
            throw new Error(`${path} is no program of a 64-bit little-endian machine`);
        const segments = readSegments(header, at);
        const architecture = ARCHITECTURES[header.readUInt16LE(18)];
        return { architecture, ...interpreterOf(segments, at), libraries: librariesOf(segments, at) };
    } finally {
        closeSync(file);
    }
}

type ReadAt = (offset: number, length: number) => Buffer;

function readSegments(header: Buffer, at: ReadAt): Segment[] {
    const start = Number(header.readBigUInt64LE(32));
    const [entry, count] = [header.readUInt16LE(54), header.readUInt16LE(56)];
    const table = at(start, entry * count);
    return Array.from({ length: count }, (_, index) => table.subarray(index * entry)).map((one) => ({
        type: one.readUInt32LE(0),
        offset: Number(one.readBigUInt64LE(8)),
        address: one.readBigUInt64LE(16),
        size: Number(one.readBigUInt64LE(32)),
    }));
}

function interpreterOf(segments: readonly Segment[], at: ReadAt): Pick<Needs, "interpreter"> {
    const found = segments.find(({ type }) => type === PT_INTERP);
    return found === undefined ? {} : { interpreter: textAt(at, found.offset) };
}

function librariesOf(segments: readonly Segment[], at: ReadAt): string[] {
    const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
    if (dynamic === undefined) return [];
    const table = at(dynamic.offset, dynamic.size);
    const entries = Array.from({ length: Math.floor(table.length / 16) }, (_, index) => {
        return { tag: table.readBigInt64LE(index * 16), value: table.readBigUInt64LE(index * 16 + 8) };
    });
    const names = entries.find(({ tag }) => tag === DT_STRTAB)?.value ?? 0n;
    const loaded = segments.find(
        ({ type, address, size }) => type === PT_LOAD && names >= address && names < address + BigInt(size),
    );
    if (loaded === undefined) return [];
    const start = loaded.offset + Number(names - loaded.address);
    return entries.filter(({ tag }) => tag === DT_NEEDED).map(({ value }) => textAt(at, start + Number(value)));
}

/** Names and paths are shorter. */
const MAX_TEXT = 4096;

function textAt(at: ReadAt, offset: number): string {
    const bytes = at(offset, MAX_TEXT);
    return bytes.toString("utf8", 0, Math.max(0, bytes.indexOf(0)));
}
