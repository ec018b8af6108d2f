import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** On the command line of Pulumi's host of dynamic providers, and of the process that runs the program. */
const PROVIDER = "cmd/dynamic-provider";
const PROGRAM = "@pulumi/pulumi/cmd/run";

/**
 * Looks at a process and everything below it until it is stopped (Linux: /proc).
 *
 * @param {number} pid
 * @param {string} temporary folder in which the processes put their temporary files
 * @returns {() => {memory: number, provider: number, program: number, disk: number}} ends the watch; greatest values seen,
 *   in bytes; `provider` is that of the greatest process that Pulumi's engine runs dynamic providers in, `program` of the
 *   one that runs the program, 0 without one
 */
export function watchTree(pid, temporary) {
    const peak = { memory: 0, provider: 0, program: 0, disk: 0 };
    const look = () => {
        const memory = residentMemory(pid);
        peak.memory = Math.max(peak.memory, memory.all);
        peak.provider = Math.max(peak.provider, memory.provider);
        peak.program = Math.max(peak.program, memory.program);
        peak.disk = Math.max(peak.disk, bytesBelow(temporary));
    };
    const timer = setInterval(look, 40);
    return () => {
        clearInterval(timer);
        return peak;
    };
}

/**
 * `all` is the greater of what all processes hold together now and what one of them held at its highest.
 *
 * @param {number} pid
 * @returns {{all: number, provider: number, program: number}} bytes
 */
function residentMemory(pid) {
    const memory = tree(pid).map((one) => {
        const status = readIfExists(`/proc/${one}/status`);
        const kilobytes = (/** @type {string} */ field) =>
            Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
        const command = readIfExists(`/proc/${one}/cmdline`);
        return { now: kilobytes("VmRSS"), highest: kilobytes("VmHWM"), command };
    });
    const together = memory.reduce((sum, { now }) => sum + now, 0);
    const highestOf = (/** @type {string} */ part) =>
        1024 * Math.max(0, ...memory.filter(({ command }) => command.includes(part)).map(({ highest }) => highest));
    return {
        all: Math.max(1024 * together, highestOf("")),
        provider: highestOf(PROVIDER),
        program: highestOf(PROGRAM),
    };
}

/**
 * A process and everything below it. Each thread has children of its own, and a Go program forks from any.
 *
 * @public its test calls it by name, in a process of its own
 * @param {number} pid
 * @returns {number[]}
 */
export function tree(pid) {
    const children = threads(pid).flatMap((thread) => readIfExists(`/proc/${pid}/task/${thread}/children`).split(" "));
    return [pid, ...children.filter((one) => one !== "").flatMap((child) => tree(Number(child)))];
}

/** @param {number} pid @returns {string[]} */
function threads(pid) {
    try {
        return readdirSync(`/proc/${pid}/task`);
    } catch {
        return [];
    }
}

/** @param {string} folder @returns {number} */
function bytesBelow(folder) {
    try {
        const sizes = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => {
            const facts = statSync(join(folder, name), { throwIfNoEntry: false });
            return facts?.isFile() ? facts.size : 0;
        });
        return sizes.reduce((sum, size) => sum + size, 0);
    } catch {
        return 0;
    }
}

/** CPU seconds of one process so far (proc(5): utime and stime, in ticks of 10 ms). @param {number} pid */
export function cpuSeconds(pid) {
    const stat = readIfExists(`/proc/${pid}/stat`);
    const [user, system] = stat
        .slice(stat.lastIndexOf(")") + 2)
        .split(" ")
        .slice(11, 13);
    return (Number(user) + Number(system)) / 100;
}

/** @param {string} path @returns {string} empty if it cannot be read */
function readIfExists(path) {
    try {
        return readFileSync(path, "utf8");
    } catch {
        return "";
    }
}
