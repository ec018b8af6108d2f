import type { BlobLocation } from "../files/archive-source";

/** The compressions that are recognised by their first bytes (containers/image, pkg/compression, and pzstd's). */
export type Compression = "gzip" | "zstd" | "xz" | "bzip2";

const MAGIC: readonly { readonly magic: RegExp; readonly name: Compression }[] = [
    { magic: /^1f8b/, name: "gzip" },
    { magic: /^28b52ffd/, name: "zstd" },
    // pzstd begins with a skippable frame (RFC 8878, 3.1.2) with the length of the next one.
    { magic: /^5[0-9a-f]2a4d18/, name: "zstd" },
    { magic: /^fd377a585a00/, name: "xz" },
    { magic: /^425a68/, name: "bzip2" },
];

/** Enough to know every compression by. */
export const MAGIC_BYTES = 6;

/** What the bytes at a place are compressed with; undefined if with nothing that is known. */
export async function detectCompression(
    { file, offset, size }: BlobLocation,
    entry?: string,
): Promise<Compression | undefined> {
    const start = Buffer.alloc(Math.min(MAGIC_BYTES, size));
    const lent = await file.lend();
    await lent.file.readInto(start, offset, entry).finally(() => lent.release());
    return compressionIn(start);
}

/** The same by the first bytes themselves. */
export function compressionIn(start: Buffer): Compression | undefined {
    const hex = start.toString("hex", 0, MAGIC_BYTES);
    return MAGIC.find(({ magic }) => magic.test(hex))?.name;
}
