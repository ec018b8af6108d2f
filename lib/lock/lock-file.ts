import { randomBytes } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { PassthroughError, isMissingFile, errorMessage } from "../errors/errors";
import { makeFolder } from "../files/make-folder";
import { readTextFile } from "../files/text-file";
import { type Lock, parseLock, serialiseLock } from "./lock";

/** Reads a lock file. @throws PassthroughError `LOCK_NOT_FOUND`, `LOCK_UNREADABLE`, and those of `parseLock` */
export async function readLock(path: string): Promise<Lock> {
    return parseLock(readLockText(path), path);
}

/** Writes a lock file whole or not at all: beside it first, then in its place. Makes its folder. */
export async function writeLock(path: string, lock: Lock): Promise<void> {
    await makeFolder(dirname(path));
    const draft = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}`);
    try {
        const file = await open(draft, "wx");
        try {
            await file.writeFile(serialiseLock(lock));
            await file.sync();
        } finally {
            await file.close();
        }
        await rename(draft, path);
    } catch (error) {
        await rm(draft, { force: true });
        throw error;
    }
}

/** The text of a lock file, whatever it is. @throws PassthroughError `LOCK_NOT_FOUND`, `LOCK_UNREADABLE` */
export function readLockText(path: string): string {
    try {
        return readTextFile(path);
    } catch (cause) {
        throw unreadable(path, cause);
    }
}

function unreadable(path: string, cause: unknown): PassthroughError {
    const place = { file: path };
    if (!isMissingFile(cause)) {
        const fix = "name a lock file, and check its permissions and the disk that it is on";
        return new PassthroughError(errorMessage(cause), { code: "LOCK_UNREADABLE", place, fix, cause });
    }
    const fix = `make it from its archive: npm run -s passthrough -- lock --stack <stack>`;
    return new PassthroughError("there is no such lock", { code: "LOCK_NOT_FOUND", place, fix, cause });
}
