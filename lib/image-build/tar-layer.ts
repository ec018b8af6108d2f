import { createHash } from "node:crypto";
import { createReadStream, readFileSync, statSync } from "node:fs";
import type { Digest } from "../oci/digest";

/** A file of a layer: one of this machine, bytes, or another layer as it is written. */
export interface LayerFile {
    /** Without a leading slash. */
    readonly path: string;
    readonly content: { readonly file: string } | { readonly bytes: Buffer } | Pick<TarLayer, "size" | "pieces">;
    readonly isProgram?: boolean;
}

/** A layer of an image that is written while it is read: nothing of it is kept in memory or on disk. */
export interface TarLayer {
    readonly digest: Digest;
    /** Bytes. */
    readonly size: number;
    readonly pieces: () => AsyncIterable<Uint8Array>;
}

const BLOCK = 512;
const NAME_BYTES = 100;
const PIECE = 1024 * 1024;

/**
 * An uncompressed tar (POSIX pax, "ustar Interchange Format") of files that everybody may read: the same files make the same
 * bytes, at any time and on any machine.
 * @param files sorted by path
 */
export async function tarLayer(files: readonly LayerFile[]): Promise<TarLayer> {
    const pieces = () => write(files);
    const hash = createHash("sha256");
    let size = 0;
    for await (const piece of pieces()) {
        hash.update(piece);
        size += piece.length;
    }
    return { digest: `sha256:${hash.digest("hex")}`, size, pieces };
}

async function* write(files: readonly LayerFile[]): AsyncIterable<Uint8Array> {
    const folders = new Set<string>();
    for (const { path, content, isProgram = false } of files) {
        for (const folder of parents(path).filter((one) => !folders.has(one))) {
            folders.add(folder);
            yield* header(`${folder}/`, { size: 0, mode: 0o755, type: "5" });
        }
        const size = sizeOf(content);
        yield* header(path, { size, mode: isProgram ? 0o755 : 0o644, type: "0" });
        if ("bytes" in content) yield content.bytes;
        else if ("pieces" in content) yield* content.pieces();
        else if (size < PIECE) yield readFileSync(content.file);
        else yield* createReadStream(content.file, { highWaterMark: PIECE }) as AsyncIterable<Buffer>;
        yield padding(size);
    }
    // Two empty blocks end it.
    yield Buffer.alloc(2 * BLOCK);
}

function sizeOf(content: LayerFile["content"]): number {
    if ("bytes" in content) return content.bytes.length;
    return "pieces" in content ? content.size : statSync(content.file).size;
}

/** `a` and `a/b` of `a/b/c`. */
function parents(path: string): string[] {
    const parts = path.split("/").slice(0, -1);
    return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

interface Entry {
    readonly size: number;
    readonly mode: number;
    /** 0 is a file, 5 a folder, x what pax says about the next one. */
    readonly type: "0" | "5" | "x";
}

function* header(name: string, entry: Entry): Iterable<Buffer> {
    if (Buffer.byteLength(name) > NAME_BYTES) {
        const record = paxRecord("path", name);
        yield block("pax", { size: record.length, mode: 0o644, type: "x" });
        yield record;
        yield padding(record.length);
    }
    yield block(name, entry);
}

/** "<length> <key>=<value>\n", where the length counts its own digits too. */
function paxRecord(key: string, value: string): Buffer {
    const rest = ` ${key}=${value}\n`;
    let length = Buffer.byteLength(rest);
    while (String(length).length + Buffer.byteLength(rest) !== length)
        length = String(length).length + Buffer.byteLength(rest);
    return Buffer.from(`${length}${rest}`);
}

function block(name: string, { size, mode, type }: Entry): Buffer {
    const bytes = Buffer.alloc(BLOCK);
    const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
    bytes.write(name, 0, NAME_BYTES);
    bytes.write(octal(mode, 7), 100);
    bytes.write(octal(0, 7), 108);
    bytes.write(octal(0, 7), 116);
    bytes.write(octal(size, 11), 124);
    bytes.write(octal(0, 11), 136);
    bytes.write(`        ${type}`, 148);
    bytes.write("ustar\x0000", 257);
    const sum = bytes.reduce((total, byte) => total + byte, 0);
    bytes.write(`${octal(sum, 6)} `, 148);
    return bytes;
}

function padding(size: number): Buffer {
    return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}
