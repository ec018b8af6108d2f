import { basename } from "node:path";
import type { ArchivePart } from "../../lock";
import type { ArchiveFile, LentFile, OpenFile } from "./archive-file";

/** Files one after the other as one, read where they lie: the pieces of a file that was split. */
export class JoinedFile implements OpenFile {
    readonly path: string;
    readonly name: string;
    readonly size: number;
    readonly parts: readonly ArchivePart[];
    readonly #files: readonly ArchiveFile[];

    /**
     * @param path of the whole, for errors
     * @param files in their order; closed with it
     */
    constructor(path: string, files: readonly ArchiveFile[]) {
        this.path = path;
        this.name = basename(path);
        this.size = files.reduce((sum, { size }) => sum + size, 0);
        this.parts = files.flatMap(({ parts }) => parts);
        this.#files = files;
    }

    /** As that of `ArchiveFile`; errors name the piece, and the offset in it. */
    async readInto(target: Buffer, offset: number, entry?: string): Promise<void> {
        let start = 0;
        for (const file of this.#files) {
            const [from, to] = [Math.max(offset, start), Math.min(offset + target.length, start + file.size)];
            if (from < to) await file.readInto(target.subarray(from - offset, to - offset), from - start, entry);
            start += file.size;
        }
    }

    async lend(): Promise<LentFile> {
        return { file: this, release: async () => undefined };
    }

    async close(): Promise<void> {
        await Promise.all(this.#files.map((file) => file.close()));
    }
}
