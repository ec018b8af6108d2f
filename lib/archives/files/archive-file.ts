import { type FileHandle, open } from "node:fs/promises";
import { basename } from "node:path";
import { ArchiveError, isMissingFile, errorMessage } from "../../errors/errors";
import type { ArchivePart } from "../../lock";

/** What people do about bytes that are not what they should be. */
export const COPY_AGAIN = "copy the archive again from the connected side";

/** A file opened for one reading; `release` must be called at its end. */
export interface LentFile {
    readonly file: ReadableFile;
    release(): Promise<void>;
}

/** Bytes that are read at positions, of one file or of several as one. */
export interface ReadableFile {
    readonly path: string;
    readonly size: number;
    /**
     * Fills `target` from `offset` on; `entry` is for the error. A read that comes back short is an error: the range was
     * inside the file when it was indexed. @throws ArchiveError `ARCHIVE_TRUNCATED`, `ARCHIVE_UNREADABLE`, `ARCHIVE_CLOSED`
     */
    readInto(target: Buffer, offset: number, entry?: string): Promise<void>;
}

/** What an archive is read from until it is closed. */
export interface OpenFile extends ReadableFile {
    readonly name: string;
    /** What a lock remembers of it: the files on the disk. The same objects each time. */
    readonly parts: readonly ArchivePart[];
    /** The file itself: it stays open for others. */
    lend(): Promise<LentFile>;
    close(): Promise<void>;
}

/** A file of an archive, read at positions through one handle that stays open until `close`. */
export class ArchiveFile implements OpenFile {
    readonly path: string;
    readonly name: string;
    /** Bytes, as they were when the file was opened. */
    readonly size: number;
    readonly parts: readonly ArchivePart[];
    readonly #handle: FileHandle;
    #closed = false;

    private constructor(path: string, size: number, handle: FileHandle, parts?: readonly ArchivePart[]) {
        this.path = path;
        this.name = basename(path);
        this.size = size;
        this.parts = parts ?? [{ name: this.name, size }];
        this.#handle = handle;
    }

    /** A file that was unpacked: `path` is where it came from, for errors; the handle is closed with it. */
    static adopt(handle: FileHandle, path: string, size: number, parts: readonly ArchivePart[]): ArchiveFile {
        return new ArchiveFile(path, size, handle, parts);
    }

    /** @throws ArchiveError `ARCHIVE_NOT_FOUND`, `ARCHIVE_UNREADABLE` */
    static async open(path: string): Promise<ArchiveFile> {
        let handle: FileHandle | undefined;
        try {
            handle = await open(path, "r");
            const facts = await handle.stat();
            if (facts.isFile()) return new ArchiveFile(path, facts.size, handle);
        } catch (cause) {
            await handle?.close();
            throw unreadable(path, cause);
        }
        await handle.close();
        throw new ArchiveError("this is not a regular file", { archive: path, code: "ARCHIVE_UNREADABLE" });
    }

    async readInto(target: Buffer, offset: number, entry?: string): Promise<void> {
        let filled = 0;
        while (filled < target.length) {
            const count = await this.#readOnce(target, filled, offset + filled);
            if (count === 0) {
                throw new ArchiveError("the file ends here now, it was longer when it was opened", {
                    archive: this.path,
                    ...(entry === undefined ? {} : { entry }),
                    offset: offset + filled,
                    code: "ARCHIVE_TRUNCATED",
                    fix: COPY_AGAIN,
                });
            }
            filled += count;
        }
    }

    async lend(): Promise<LentFile> {
        return { file: this, release: async () => undefined };
    }

    async close(): Promise<void> {
        if (this.#closed) return;
        this.#closed = true;
        await this.#handle.close();
    }

    async #readOnce(target: Buffer, filled: number, offset: number): Promise<number> {
        if (this.#closed) {
            throw new ArchiveError("the archive is closed", { archive: this.path, offset, code: "ARCHIVE_CLOSED" });
        }
        try {
            return (await this.#handle.read(target, filled, target.length - filled, offset)).bytesRead;
        } catch (cause) {
            throw unreadable(this.path, cause, offset);
        }
    }
}

/** An error of the file system as one of the archive at `path`. */
export function unreadable(path: string, cause: unknown, offset?: number): ArchiveError {
    const missing = isMissingFile(cause);
    return new ArchiveError(missing ? "there is no such file or folder" : `cannot be read: ${errorMessage(cause)}`, {
        archive: path,
        ...(offset === undefined ? {} : { offset }),
        code: missing ? "ARCHIVE_NOT_FOUND" : "ARCHIVE_UNREADABLE",
        fix: missing
            ? "check the path, and that the medium is mounted"
            : "check the permissions and the medium the archive lies on",
        cause,
    });
}
