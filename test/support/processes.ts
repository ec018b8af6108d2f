import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";
import { connect } from "node:net";

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

/** True for a child that was started and has not ended. */
export function isRunning({ pid, exitCode, signalCode }: ChildProcess): boolean {
    return pid !== undefined && exitCode === null && signalCode === null;
}

/** Ends a child, and waits until it has ended. @returns false if it was not running any more */
export async function end(child: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): Promise<boolean> {
    if (!isRunning(child)) return false;
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
    return true;
}

/**
 * Waits until a child accepts connections at a port of loopback; it is sent nothing.
 * @param said what it has printed so far, for the error
 * @throws Error if it could not be started, or ends before
 */
export async function listening(child: ChildProcess, port: number, said: () => string = () => ""): Promise<void> {
    let failure = "";
    child.once("error", ({ message }) => (failure = `${message} (npm test puts its tools on PATH)\n`));
    while (!(await accepts(port))) {
        if (isRunning(child)) continue;
        const how = child.exitCode ?? child.signalCode ?? "no process";
        throw new Error(`${child.spawnfile} ended with ${how}:\n${failure}${said()}`);
    }
}

function accepts(port: number): Promise<boolean> {
    return new Promise((resolve) => {
        const socket = connect(port, "127.0.0.1");
        socket.once("connect", () => {
            socket.destroy();
            resolve(true);
        });
        socket.once("error", () => setImmediate(resolve, false));
    });
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
