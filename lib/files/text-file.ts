import { type Stats, closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";

/** More than any lock file, kubeconfig or certificate has. */
const MAX_BYTES = 256 * 1024 * 1024;
const CHUNK = 1024 * 1024;

/**
 * The text of a file that somebody names. Only regular files are read, and links to them: a pipe without a writer never
 * ends, a device may have no end, and opening one may change something.
 * @throws Error of Node.js (ENOENT, EACCES); Error for what is no file, or has more than `maxBytes`
 */
export function readTextFile(path: string, maxBytes = MAX_BYTES): string {
    requireFile(path, statSync(path));
    // Something else may be there by now: a pipe would be waited for.
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
        requireFile(path, fstatSync(file));
        return readBounded(file, path, maxBytes).toString("utf8");
    } finally {
        closeSync(file);
    }
}

/** The size that a file claims is not used: it grows, or is 0 as in /proc. */
function readBounded(file: number, path: string, maxBytes: number): Buffer {
    const chunks: Buffer[] = [];
    let length = 0;
    for (;;) {
        const chunk = Buffer.allocUnsafe(CHUNK);
        const read = readSync(file, chunk);
        if (read === 0) return Buffer.concat(chunks);
        length += read;
        if (length > maxBytes) throw new Error(`${path} is larger than ${sizeText(maxBytes)}`);
        chunks.push(chunk.subarray(0, read));
    }
}

function sizeText(bytes: number): string {
    return bytes < CHUNK ? `${bytes} bytes` : `${bytes / CHUNK} MiB`;
}

function requireFile(path: string, stats: Stats): void {
    if (!stats.isFile()) throw new Error(`${path} is ${kindOf(stats)}, not a file`);
}

function kindOf(stats: Stats): string {
    if (stats.isDirectory()) return "a folder";
    if (stats.isFIFO()) return "a pipe";
    return stats.isSocket() ? "a socket" : "a device";
}
