import { randomBytes } from "node:crypto";
import { readFileSync, readlinkSync, statSync } from "node:fs";

/** A process as no other one is named: boot of the machine, namespace of process ids (pid_namespaces(7)), id, start. */
interface Owner {
    readonly boot: string;
    readonly namespace: string;
    readonly pid: string;
    /** Clock ticks since the boot (proc_pid_stat(5), field 22). */
    readonly start: string;
}

/** No process has this id. */
const NOBODY = "0";
/** For which the file of a process that cannot be looked at must have been left alone. Milliseconds. */
const SILENT_MS = 10 * 60_000;
const NAME = /^([0-9a-f]+|none)-(\d+)-(\d+)-(\d+)-[0-9a-f]{8}$/;

/** A new name for a file of this process, which says whose it is: whoever renames a file takes it over in one step. */
export function ownedName(): string {
    return nameOf(thisProcess());
}

function nameOf({ boot, namespace, pid, start }: Owner): string {
    return [boot, namespace, pid, start, randomBytes(4).toString("hex")].join("-");
}

/** A new name for a file that belongs to nobody any more. */
export function releasedName(): string {
    const { boot, namespace } = thisProcess();
    return nameOf({ boot, namespace, pid: NOBODY, start: "0" });
}

/**
 * True if the process that a file belongs to has ended. One of another machine or container cannot be looked at: it counts
 * as ended when its file was not written to for ten minutes.
 * @param name of `ownedName`
 */
export function isOrphaned(name: string, path: string): boolean {
    const [, boot = "", namespace = "", pid = "", start = ""] = NAME.exec(name) ?? [];
    if (pid === "") return false;
    if (pid === NOBODY) return true;
    const own = thisProcess();
    if (own.boot !== "none" && boot === own.boot && namespace === own.namespace) return startOf(pid) !== start;
    const changed = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    return changed !== undefined && Date.now() - changed > SILENT_MS;
}

function thisProcess(): Owner {
    const boot = read("/proc/sys/kernel/random/boot_id").replace(/[^0-9a-f]/g, "") || "none";
    return { boot, namespace: namespaceOf(), pid: String(process.pid), start: startOf(String(process.pid)) ?? "0" };
}

/** undefined for one that does not run. */
function startOf(pid: string): string | undefined {
    const stat = read(`/proc/${pid}/stat`);
    // The name of the program, in parentheses, may have spaces.
    const [state, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return stat === "" || state === "Z" || state === "X" ? undefined : rest[18];
}

function namespaceOf(): string {
    try {
        return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0";
    } catch {
        return "0";
    }
}

/** Nothing where there is no such file: not on Linux, or the process is gone. */
function read(path: string): string {
    try {
        return readFileSync(path, "utf8");
    } catch {
        return "";
    }
}
