import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** On the command line of Pulumi's host of dynamic providers. */
const PROVIDER = "cmd/dynamic-provider";

/**
 * Looks at a process and everything below it until it is stopped (Linux: /proc).
 *
 * @param {number} pid
 * @param {string} temporary folder in which the processes put their temporary files
 * @returns {() => {memory: number, provider: number, disk: number}} ends the watch; greatest values seen, in bytes;
 *   `provider` is that of the greatest process that Pulumi's engine runs dynamic providers in, 0 without one
 */
export function watchTree(pid, temporary) {
    const peak = { memory: 0, provider: 0, disk: 0 };
    const look = () => {
        const memory = residentMemory(pid);
        peak.memory = Math.max(peak.memory, memory.all);
        peak.provider = Math.max(peak.provider, memory.provider);
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
 * @returns {{all: number, provider: number}} bytes
 */
function residentMemory(pid) {
    const memory = tree(pid).map((one) => {
        const status = readIfExists(`/proc/${one}/status`);
        const kilobytes = (/** @type {string} */ field) =>
            Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
        const isProvider = readIfExists(`/proc/${one}/cmdline`).includes(PROVIDER);
        return { now: kilobytes("VmRSS"), highest: kilobytes("VmHWM"), isProvider };
    });
    const together = memory.reduce((sum, { now }) => sum + now, 0);
    const providers = memory.filter(({ isProvider }) => isProvider);
    return {
        all: 1024 * Math.max(together, ...memory.map(({ highest }) => highest)),
        provider: 1024 * Math.max(0, ...providers.map(({ highest }) => highest)),
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
