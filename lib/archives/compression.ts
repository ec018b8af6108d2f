import type { BlobLocation } from "./archive-source";

/** The compressions that are recognised by their first bytes (containers/image, pkg/compression). */
export type Compression = "gzip" | "zstd" | "xz" | "bzip2";

const MAGIC: readonly { readonly magic: string; readonly name: Compression }[] = [
    { magic: "1f8b", name: "gzip" },
    { magic: "28b52ffd", name: "zstd" },
    { magic: "fd377a585a00", name: "xz" },
    { magic: "425a68", name: "bzip2" },
];

/** What the bytes at a place are compressed with; undefined if with nothing that is known. */
export async function compressionOf(
    { file, offset, size }: BlobLocation,
    entry?: string,
): Promise<Compression | undefined> {
    const start = Buffer.alloc(Math.min(6, size));
    const lent = await file.lend();
    await lent.file.readInto(start, offset, entry).finally(() => lent.release());
    return MAGIC.find(({ magic }) => start.toString("hex").startsWith(magic))?.name;
}
