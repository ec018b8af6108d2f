import { type Hash, createHash } from "node:crypto";
import { ArchiveError } from "../../errors/errors";
import type { ArchivePart } from "../../lock";
import { type ArchiveFile, COPY_AGAIN } from "../files/archive-file";
import { TarStart } from "../tar/tar-start";
import { unpacking } from "./unpacking";

/** Files that are one compressed tar when they are joined. */
export interface PackedFiles {
    /** For errors. */
    readonly path: string;
    /** In the order they are joined in. */
    readonly files: readonly ArchiveFile[];
    /** What a lock remembers of them. */
    readonly parts: readonly ArchivePart[];
    readonly compression: "gzip" | "zstd";
    /** Hex sha256 over all of them, if it is known. */
    readonly sha256?: string | undefined;
}

export interface UnpackOptions {
    readonly signal?: AbortSignal | undefined;
    /** Overrides the bound of `unpackLimit`, in bytes. */
    readonly limit?: number | undefined;
}

/** Real archives hold layers that are compressed already; what grows more than this is a bomb, or a mistake. */
const MAX_GROWTH = 200;
const ALWAYS_ALLOWED = 1024 ** 3;
const READ_BYTES = 256 * 1024;

/** The most bytes that so many compressed ones may become. */
export function unpackLimit(packed: number): number {
    return Math.max(ALWAYS_ALLOWED, packed * MAX_GROWTH);
}

/**
 * What files hold that are joined and unpacked, from its first byte to its last, in constant memory. What does not begin as
 * a tar is refused with its first header.
 * @throws ArchiveError `ARCHIVE_TOO_LARGE` (a bomb), `ARCHIVE_CORRUPT` (also what is no tar), `ARCHIVE_TRUNCATED`,
 * `ARCHIVE_FORMAT_UNSUPPORTED` (zstd with a window above 64 MiB, zeros), at its end `ARCHIVE_DIGEST_MISMATCH`; the
 * signal's reason
 */
export async function* unpackedBytes(packed: PackedFiles, options: UnpackOptions): AsyncGenerator<Buffer> {
    const { files, path, compression, sha256 } = packed;
    const limit = options.limit ?? unpackLimit(files.reduce((sum, { size }) => sum + size, 0));
    const hash = sha256 === undefined ? undefined : createHash("sha256");
    const start = new TarStart(path);
    let size = 0;
    for await (const piece of unpacking(readFiles(files, hash, options.signal), compression, path)) {
        const chunk = start.take(piece);
        size += chunk.length;
        if (size > limit) throw bomb(path, limit);
        if (chunk.length > 0) yield chunk;
    }
    const rest = start.rest();
    if (rest.length > 0) yield rest;
    const found = hash?.digest("hex");
    if (found === sha256) return;
    const what = `the joined pieces have the sha256 ${found}, they should have ${sha256}`;
    throw new ArchiveError(what, { archive: path, code: "ARCHIVE_DIGEST_MISMATCH", fix: COPY_AGAIN });
}

async function* readFiles(
    files: readonly ArchiveFile[],
    hash: Hash | undefined,
    signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
    for (const file of files) {
        for (let at = 0; at < file.size; at += READ_BYTES) {
            signal?.throwIfAborted();
            const chunk = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, file.size - at));
            await file.readInto(chunk, at);
            hash?.update(chunk);
            yield chunk;
        }
    }
}

function bomb(archive: string, limit: number): ArchiveError {
    const what = `unpacked it has more than ${limit} bytes, which no archive of images of this size has`;
    const fix = "check where the archive comes from; if it is right, unpack it yourself and give the plain tar";
    return new ArchiveError(what, { archive, code: "ARCHIVE_TOO_LARGE", fix });
}
