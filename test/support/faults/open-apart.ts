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
    /** Files in its folder for temporary files. */
    readonly left: readonly string[];
}

/** No file becomes larger than 512 bytes: writing on fails with EFBIG. */
const WITHOUT_ROOM = ["sh", "-c", 'ulimit -f 1; exec "$0" "$@"'];

/** Opens an archive in a process of its own that can write no file, with `folder` for temporary ones. */
export function openApart(path: string, folder: string): Apart {
    const program = `
        const { openArchive } = require(${JSON.stringify(join(PROJECT, "dist/lib/archives"))});
        const { readFileSync, readdirSync } = require("node:fs");
        // What resourceUsage tells of a child begins with the memory of its parent.
        const peak = () => Number(/VmHWM:\\s*(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]);
        openArchive(${JSON.stringify(path)})
            .then((a) => a.close().then(() => ({ said: "opened" })), ({ code, message }) => ({ said: code, message }))
            .then((said) => console.log(JSON.stringify({ ...said, peakMiB: peak() / 1024,
                left: readdirSync(process.env.TMPDIR) })));`;
    const [name = "", ...args] = [...WITHOUT_ROOM, process.execPath, "-e", program];
    const run = spawnSync(name, args, { encoding: "utf8", env: { ...process.env, TMPDIR: folder } });
    if (run.stdout === "") throw new Error(run.stderr);
    return JSON.parse(run.stdout) as Apart;
}
