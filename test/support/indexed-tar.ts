import { join } from "node:path";
import { ArchiveFile } from "../../lib/archives/files/archive-file";
import { KeptEntries, KeptTotal } from "../../lib/archives/packed/kept-entries";
import { PassingTar } from "../../lib/archives/packed/passing-tar";
import type { TarEntry } from "../../lib/archives/tar/entry";
import { type TarIndexOptions, indexTar } from "../../lib/archives/tar/index-tar";
import { StreamReader } from "../../lib/archives/tar/stream-reader";
import { makeFolder } from "./archives";

/** What a tar was indexed as. */
export interface IndexedTar {
    readonly entries: readonly TarEntry[];
    /** The first hundred bytes of each entry's body, read while it was indexed. */
    readonly bodies: readonly string[];
    readonly warnings: readonly string[];
}

/** Indexes a tar that lies in a file `a.tar`, and compares that with what it is indexed as when it passes by. */
export async function indexedTar(bytes: Buffer, options: TarIndexOptions = {}): Promise<IndexedTar> {
    const folder = await makeFolder([["a.tar", bytes]]);
    const file = await ArchiveFile.open(join(folder.path, "a.tar"));
    try {
        const lying = indexed(file, options);
        const [one, other] = await Promise.allSettled([lying, indexed(file, options, pieces(bytes))]);
        if (options.signal === undefined) expect(other).toEqual(one);
        return await lying;
    } finally {
        await file.close();
        await folder.remove();
    }
}

async function indexed(file: ArchiveFile, options: TarIndexOptions, passing?: AsyncIterable<Buffer>) {
    const entries: TarEntry[] = [];
    const bodies: string[] = [];
    const reader =
        passing && new PassingTar(new StreamReader(passing), new KeptEntries(file.path, new KeptTotal()), file);
    const { warnings } = await indexTar(
        file,
        async (entry, from) => {
            entries.push(entry);
            await reader?.enter(entry);
            bodies.push((await from.read(entry.offset, Math.min(entry.size, 100))).toString());
        },
        { ...options, ...(reader === undefined ? {} : { reader }) },
    );
    expect((await reader?.drain()) ?? file.size).toBe(file.size);
    return { entries, bodies, warnings };
}

/** In lengths that are no multiple of anything in a tar. */
async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += 70_001) yield await Promise.resolve(bytes.subarray(at, at + 70_001));
}
