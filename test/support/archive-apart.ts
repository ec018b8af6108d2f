import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { PROJECT } from "./stack";

/**
 * Opens an archive and locks it if it can be, in a process of its own.
 * @returns its images or the code that it is refused with, and the largest memory of that process, resident, in MiB
 */
export function lockApart(path: string): { said: string; peakMiB: number } {
    // What `resourceUsage` tells of a child begins with the memory of its parent.
    const program = `
        const { describeArchive, openArchive } = require(${JSON.stringify(join(PROJECT, "dist/lib/archives"))});
        const { existsSync, readFileSync } = require("node:fs");
        const status = "/proc/self/status";
        const peak = () => existsSync(status)
            ? Number(/VmHWM:\\s*(\\d+)/.exec(readFileSync(status, "utf8"))[1])
            : process.resourceUsage().maxRSS;
        openArchive(${JSON.stringify(path)})
            .then((archive) => describeArchive(archive, []))
            .then(({ lock }) => Object.keys(lock.images).join(" "), (error) => error.code)
            .then((said) => console.log(JSON.stringify({ said, peakMiB: peak() / 1024 })));`;
    const run = spawnSync(process.execPath, ["-e", program], { encoding: "utf8" });
    return JSON.parse(run.stdout) as { said: string; peakMiB: number };
}
