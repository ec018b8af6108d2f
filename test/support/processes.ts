import { readFileSync, readdirSync } from "node:fs";

interface ProcessFacts {
    readonly pid: number;
    readonly parent: number;
    readonly command: string;
}

/** Every process below `pid` whose command line contains `text` (Linux: read from /proc). */
export function descendants(pid: number, text: string): number[] {
    const all = readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name))
        .flatMap((name) => facts(Number(name)));
    const below = new Set([pid]);
    for (let grew = true; grew;) {
        const size = below.size;
        for (const { pid: child, parent } of all) if (below.has(parent)) below.add(child);
        grew = below.size > size;
    }
    return all.filter((one) => below.has(one.pid) && one.command.includes(text)).map((one) => one.pid);
}

/** Kills a process and every one below it. */
export function killTree(pid: number): void {
    for (const each of descendants(pid, "")) {
        try {
            process.kill(each, "SIGKILL");
        } catch (error) {
            // It has ended in the meantime.
            if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
        }
    }
}

/** True while the process exists and is no zombie. */
export function isAlive(pid: number): boolean {
    return facts(pid).length > 0;
}

/** Settles when the process is gone; polls, since it is no child of this process. */
export async function gone(pid: number): Promise<void> {
    while (isAlive(pid)) await new Promise((resolve) => setImmediate(resolve));
}

function facts(pid: number): ProcessFacts[] {
    try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        if (state === "Z") return [];
        return [
            {
                pid,
                parent: Number(parent),
                command: readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "),
            },
        ];
    } catch {
        return [];
    }
}
