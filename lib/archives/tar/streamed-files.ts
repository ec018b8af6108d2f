import { TAR_BLOCK, isZeroBlock, parseTarHeader, tarBlocks } from "./header";
import { StreamReader } from "./stream-reader";

/** A file that is looked for is text of a few hundred KB; a larger one is not it. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/**
 * Reads some files of a tar that comes as a stream, and nothing more once they are found. Names are those of the headers
 * alone, without `./`: no extended header is needed for what is looked for.
 * @param wanted names
 * @throws TarHeaderError for what is no tar
 */
export async function readStreamedFiles(
    stream: AsyncIterable<Buffer>,
    wanted: ReadonlySet<string>,
): Promise<Map<string, Buffer>> {
    const reader = new StreamReader(stream);
    const found = new Map<string, Buffer>();
    try {
        while (found.size < wanted.size) {
            const block = await reader.take(TAR_BLOCK);
            if (block.length < TAR_BLOCK) return found;
            const blocks = tarBlocks(block);
            if (isZeroBlock(blocks, 0)) return found;
            const { name, size, flag } = parseTarHeader(blocks, 0);
            const padded = Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
            const key = name.replace(/^(?:\.?\/)+/, "");
            const isWanted = flag === "0" && wanted.has(key) && size <= MAX_FILE_BYTES;
            if (!isWanted) await reader.skip(padded);
            else {
                const body = await reader.take(padded);
                if (body.length < padded) return found;
                found.set(key, body.subarray(0, size));
            }
        }
        return found;
    } finally {
        await reader.end();
    }
}
