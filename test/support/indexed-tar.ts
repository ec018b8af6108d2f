import { join } from "node:path";
import { ArchiveFile } from "../../lib/archives/files/archive-file";
import type { TarEntry } from "../../lib/archives/tar/entry";
import { type TarIndexOptions, indexTar } from "../../lib/archives/tar/index-tar";
import { makeFolder } from "./archives";

/** What a tar was indexed as. */
export interface IndexedTar {
    readonly entries: readonly TarEntry[];
    /** The first hundred bytes of each entry's body, read while it was indexed. */
    readonly bodies: readonly string[];
    readonly warnings: readonly string[];
}

/** Indexes a tar that lies in a file `a.tar`. */
export async function indexedTar(bytes: Buffer, options: TarIndexOptions = {}): Promise<IndexedTar> {
    const folder = await makeFolder([["a.tar", bytes]]);
    const file = await ArchiveFile.open(join(folder.path, "a.tar"));
    const entries: TarEntry[] = [];
    const bodies: string[] = [];
    try {
        const visit = async (entry: TarEntry, reader: { read(at: number, length: number): Promise<Buffer> }) => {
            entries.push(entry);
            bodies.push((await reader.read(entry.offset, Math.min(entry.size, 100))).toString());
        };
        const { warnings } = await indexTar(file, visit, options);
        return { entries, bodies, warnings };
    } finally {
        await file.close();
        await folder.remove();
    }
}
