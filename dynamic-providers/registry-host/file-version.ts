import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { PassthroughError, errorMessage } from "../../lib/errors/errors";

/**
 * sha256 of a file, hexadecimal: another archive under the same name is another image.
 * @param key of the configuration that names it
 * @param known of the same path, from the last `up`: a file that is not there any more counts as that one
 * @throws PassthroughError `CONFIG_INVALID`
 */
export async function fileVersion(path: string, key: string, known?: string): Promise<string> {
    const hash = createHash("sha256");
    try {
        await pipeline(createReadStream(path), hash);
    } catch (error) {
        if (known !== undefined && (error as NodeJS.ErrnoException).code === "ENOENT") return known;
        throw new PassthroughError(`the file cannot be read: ${errorMessage(error)}`, {
            ...{ code: "CONFIG_INVALID", thing: key },
            fix: "correct the path, or bring the archive to this machine",
        });
    }
    return hash.digest("hex");
}
