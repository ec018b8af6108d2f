import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/**
 * Looks at a process and everything below it until it is told to stop (Linux: /proc).
 *
 * @param {number} pid
 * @param {string} temporary folder in which the processes put their temporary files
 * @returns {() => {memory: number, disk: number}} ends the watch; greatest values seen, in bytes
 */
export function watchTree(pid, temporary) {
    const peak = { memory: 0, disk: 0 };
    const look = () => {
        peak.memory = Math.max(peak.memory, residentMemory(pid));
        peak.disk = Math.max(peak.disk, bytesBelow(temporary));
    };
    const timer = setInterval(look, 40);
    return () => {
        clearInterval(timer);
        return peak;
    };
}

/** The greater of what all processes hold together now and what one of them held at its highest. */
function residentMemory(pid) {
    const memory = tree(pid).map((one) => {
        const status = textOf(`/proc/${one}/status`);
        const kilobytes = (field) => Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
        return { now: kilobytes("VmRSS"), highest: kilobytes("VmHWM") };
    });
    const together = memory.reduce((sum, { now }) => sum + now, 0);
    return 1024 * Math.max(together, ...memory.map(({ highest }) => highest));
}

function tree(pid) {
    const children = textOf(`/proc/${pid}/task/${pid}/children`)
        .split(" ")
        .filter((one) => one !== "");
    return [pid, ...children.flatMap((child) => tree(Number(child)))];
}

function bytesBelow(folder) {
    try {
        return readdirSync(folder, { recursive: true }).reduce((sum, name) => {
            const facts = statSync(join(folder, name), { throwIfNoEntry: false });
            return sum + (facts?.isFile() ? facts.size : 0);
        }, 0);
    } catch {
        return 0;
    }
}

/** CPU seconds of one process so far (proc(5): utime and stime, in ticks of 10 ms). */
export function cpuSeconds(pid) {
    const stat = textOf(`/proc/${pid}/stat`);
    const [user, system] = stat
        .slice(stat.lastIndexOf(")") + 2)
        .split(" ")
        .slice(11, 13);
    return (Number(user) + Number(system)) / 100;
}

function textOf(path) {
    try {
        return readFileSync(path, "utf8");
    } catch {
        return "";
    }
}
