import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { PROJECT } from "../stack";

/** What became of an archive that was opened in a process of its own. */
export interface Apart {
    /** "opened", or the error's code. */
    readonly said: string;
    readonly message?: string;
    /** Its largest memory, resident. */
    readonly peakMiB: number;
    /** Files in its folder for temporary files, and the bytes that are free there, before and after. */
    readonly left: readonly string[];
    readonly free: readonly [number, number];
}

/** Where a folder may have a disk of its own. */
export const canMount = spawnSync("unshare", ["-m", "true"]).status === 0;
/** No file becomes larger: writing on fails with EFBIG. */
const IN_FILE = ["sh", "-c", 'ulimit -f $(($0 / 512)); exec "$@"'];
/** The mount ends with the process. Where there are no mounts, a limit on the size of files makes errors of that kind. */
const ON_DISK = canMount
    ? ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o "size=$0" tmpfs "$TMPDIR" && exec "$@"']
    : IN_FILE;

/** Bytes that `folder`, a disk of its own for temporary files, has; or the most that any file of the process may have. */
export type Room = { readonly disk: number } | { readonly file: number };

/** Opens an archive in a process of its own, with so much room for temporary files in `folder`. */
export function openApart(path: string, folder: string, room: Room): Apart {
    const program = `
        const { openArchive } = require(${JSON.stringify(join(PROJECT, "dist/lib/archives"))});
        const { readFileSync, readdirSync, statfsSync } = require("node:fs");
        const free = () => { const { bavail, bsize } = statfsSync(process.env.TMPDIR); return bavail * bsize; };
        // What resourceUsage tells of a child begins with the memory of its parent.
        const peak = () => Number(/VmHWM:\\s*(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]);
        const before = free();
        openArchive(${JSON.stringify(path)})
            .then((a) => a.close().then(() => ({ said: "opened" })), ({ code, message }) => ({ said: code, message }))
            .then((said) => console.log(JSON.stringify({ ...said, peakMiB: peak() / 1024,
                left: readdirSync(process.env.TMPDIR), free: [before, free()] })));`;
    const limit = "disk" in room ? [...ON_DISK, String(room.disk)] : [...IN_FILE, String(room.file)];
    const [name = "", ...args] = [...limit, process.execPath, "-e", program];
    const run = spawnSync(name, args, { encoding: "utf8", env: { ...process.env, TMPDIR: folder } });
    if (run.stdout === "") throw new Error(run.stderr);
    return JSON.parse(run.stdout) as Apart;
}
