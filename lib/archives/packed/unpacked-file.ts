import { createHash, randomBytes } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { ArchiveError, errorMessage } from "../../errors/errors";
import type { ArchivePart } from "../../lock";
import { ArchiveFile, COPY_AGAIN } from "../files/archive-file";
import type { Compression } from "./compression";
import { decompressor, isUnexpectedEnd } from "./decompressor";
import { checkFree, noSpace } from "./free-space";
import { TarStart } from "../tar/tar-start";
import { leastUnpackedSize } from "./unpacked-size";

/** Files that are one archive when they are joined. */
export interface PackedFiles {
    /** For errors. */
    readonly path: string;
    /** In the order they are joined in; they stay open for the caller to close. */
    readonly files: readonly ArchiveFile[];
    /** What a lock remembers of them. */
    readonly parts: readonly ArchivePart[];
    readonly compression?: Compression | undefined;
    /** Hex sha256 over all of them, if it is known. */
    readonly sha256?: string | undefined;
}

export interface UnpackOptions {
    readonly signal?: AbortSignal | undefined;
    /** Default: the system's folder for temporary files (`TMPDIR`). */
    readonly temporaryFolder?: string | undefined;
    /** Overrides the bound of `unpackLimit`, in bytes. */
    readonly limit?: number | undefined;
}

/** Real archives hold layers that are compressed already; what grows more than this is a bomb, or a mistake. */
const MAX_GROWTH = 200;
const ALWAYS_ALLOWED = 1024 ** 3;
const READ_BYTES = 1024 * 1024;
/** Bytes between two looks at what is left of the disk. */
const LOOK_AGAIN = 64 * 1024 ** 2;

/** The most bytes that so many compressed ones may become. */
export function unpackLimit(packed: number): number {
    return Math.max(ALWAYS_ALLOWED, packed * MAX_GROWTH);
}

/**
 * Joins and unpacks files in one pass into a plain temporary tar, since a compressed one cannot be read at offsets. The
 * temporary file has no name any more when it is written: whatever ends the process, its space is free again.
 * What does not begin as a tar is refused before any of it is written.
 * @throws ArchiveError `ARCHIVE_NO_SPACE`, `ARCHIVE_TOO_LARGE` (a bomb), `ARCHIVE_CORRUPT` (also what is no tar),
 * `ARCHIVE_TRUNCATED`, `ARCHIVE_FORMAT_UNSUPPORTED` (xz, bzip2, zstd with a window above 128 MiB, zeros); the signal's
 * reason
 */
export async function unpackFiles(packed: PackedFiles, options: UnpackOptions = {}): Promise<ArchiveFile> {
    const { compression, path } = packed;
    if (compression === "xz" || compression === "bzip2") {
        const program = compression === "xz" ? "unxz" : "bunzip2";
        throw undecodable(path, compression, `decompress it first: ${program} ${path}`);
    }
    const folder = options.temporaryFolder ?? tmpdir();
    await checkFree(folder, path, await leastUnpackedSize(packed.files, compression));
    const name = join(folder, `.registry-passthrough-${randomBytes(6).toString("hex")}`);
    const handle = await open(name, "wx+", 0o600).catch((cause: unknown) => {
        throw noSpace(path, folder, `no temporary file can be made: ${errorMessage(cause)}`, cause);
    });
    try {
        await rm(name);
        const size = await new Unpacking(packed, handle, folder, options).run();
        return ArchiveFile.adopt(handle, path, size, packed.parts);
    } catch (error) {
        await handle.close();
        throw error;
    }
}

class Unpacking {
    readonly #packed: PackedFiles;
    readonly #handle: FileHandle;
    readonly #folder: string;
    readonly #signal: AbortSignal | undefined;
    readonly #limit: number;
    readonly #hash = createHash("sha256");
    #written = 0;

    constructor(packed: PackedFiles, handle: FileHandle, folder: string, { signal, limit }: UnpackOptions) {
        this.#packed = packed;
        this.#handle = handle;
        this.#folder = folder;
        this.#signal = signal;
        this.#limit = limit ?? unpackLimit(packed.files.reduce((sum, { size }) => sum + size, 0));
    }

    async run(): Promise<number> {
        const { compression, sha256, path } = this.#packed;
        const write = (plain: AsyncIterable<Buffer>) => this.#write(plain);
        const options = this.#signal === undefined ? {} : { signal: this.#signal };
        try {
            if (compression !== "gzip" && compression !== "zstd") await pipeline(this.#read(), write, options);
            else await pipeline(this.#read(), decompressor(compression, { archive: path }), write, options);
        } catch (cause) {
            this.#signal?.throwIfAborted();
            throw cause instanceof ArchiveError ? cause : damaged(path, compression, cause);
        }
        const found = this.#hash.digest("hex");
        if (sha256 === undefined || sha256 === found) return this.#written;
        const what = `the joined pieces have the sha256 ${found}, they should have ${sha256}`;
        throw new ArchiveError(what, { archive: path, code: "ARCHIVE_DIGEST_MISMATCH", fix: COPY_AGAIN });
    }

    async *#read(): AsyncGenerator<Buffer> {
        for (const file of this.#packed.files) {
            for (let at = 0; at < file.size; at += READ_BYTES) {
                const chunk = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, file.size - at));
                await file.readInto(chunk, at);
                this.#hash.update(chunk);
                yield chunk;
            }
        }
    }

    async #write(plain: AsyncIterable<Buffer>): Promise<void> {
        let looked = 0;
        const start = new TarStart(this.#packed.path);
        for await (const piece of plain) {
            const chunk = start.take(piece);
            if (this.#written + chunk.length > this.#limit) throw this.#bomb();
            if (this.#written - looked >= LOOK_AGAIN) {
                await checkFree(this.#folder, this.#packed.path, 0);
                looked = this.#written;
            }
            await this.#writeWhole(chunk);
        }
        await this.#writeWhole(start.rest());
    }

    async #writeWhole(chunk: Buffer): Promise<void> {
        for (let done = 0; done < chunk.length;) {
            const { bytesWritten } = await this.#handle
                .write(chunk, done, chunk.length - done, this.#written)
                .catch((cause: unknown) => {
                    throw noSpace(
                        this.#packed.path,
                        this.#folder,
                        `cannot be written there: ${errorMessage(cause)}`,
                        cause,
                    );
                });
            done += bytesWritten;
            this.#written += bytesWritten;
        }
    }

    #bomb(): ArchiveError {
        const what = `unpacked it has more than ${this.#limit} bytes, which no archive of images of this size has`;
        const fix = "check where the archive comes from; if it is right, unpack it yourself and give the plain tar";
        return new ArchiveError(what, { archive: this.#packed.path, code: "ARCHIVE_TOO_LARGE", fix });
    }
}

/** The error for bytes that a decoder does not take. */
export function damaged(archive: string, compression: Compression | undefined, cause: unknown): ArchiveError {
    const isCut = isUnexpectedEnd(cause);
    const what = isCut ? "the archive is truncated" : `cannot be unpacked as ${compression ?? "it is"}`;
    const code = isCut ? "ARCHIVE_TRUNCATED" : "ARCHIVE_CORRUPT";
    return new ArchiveError(`${what}: ${errorMessage(cause)}`, { archive, code, fix: COPY_AGAIN, cause });
}

/** The error for a compression that is only recognised. */
export function undecodable(archive: string, compression: "xz" | "bzip2", fix: string): ArchiveError {
    const facts = { archive, code: "ARCHIVE_FORMAT_UNSUPPORTED" as const, fix };
    return new ArchiveError(`the file is compressed with ${compression}, which is not unpacked here`, facts);
}
