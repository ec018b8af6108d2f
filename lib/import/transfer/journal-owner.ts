import { randomBytes } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync, readlinkSync, rmSync, statSync, writeSync } from "node:fs";

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
/** For which the file of a process that cannot be looked at must have been left alone; it is written to each minute. */
const SILENT_MS = 30 * 60_000;
/** The start of a process, where it cannot be found out. */
const UNKNOWN = "0";
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
    return nameOf({ boot, namespace, pid: NOBODY, start: UNKNOWN });
}

/**
 * True if the process that a file belongs to has ended. One that cannot be looked at, since it is of another machine or
 * container, counts as ended when its file was not written to for half an hour.
 * @param name of `ownedName`, which `path` ends with
 * @throws the error of the system, if its folder cannot be written to
 */
export function isOrphaned(name: string, path: string): boolean {
    const [, boot = "", namespace = "", pid = "", start = ""] = NAME.exec(name) ?? [];
    if (pid === "") return false;
    if (pid === NOBODY) return true;
    const own = thisProcess();
    const isNear = own.boot !== "none" && boot === own.boot && namespace === own.namespace;
    const now = isNear && start !== UNKNOWN ? startOf(pid) : UNKNOWN;
    return now === UNKNOWN ? isSilent(path, path.slice(0, -name.length)) : now !== start;
}

/** By the clock of the file system: those of two machines may differ by more than the limit. */
function isSilent(path: string, prefix: string): boolean {
    const changed = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    return changed !== undefined && timeOfFiles(prefix) - changed > SILENT_MS;
}

/** @param prefix of a new file, which is one of this process: what is left of it if that is killed is a journal without content */
function timeOfFiles(prefix: string): number {
    const path = `${prefix}${ownedName()}`;
    const file = openSync(path, "wx", 0o600);
    try {
        // Without a byte, a server may not have set a time yet.
        writeSync(file, "\n");
        return fstatSync(file).mtimeMs;
    } finally {
        closeSync(file);
        rmSync(path, { force: true });
    }
}

function thisProcess(): Owner {
    const boot = read("/proc/sys/kernel/random/boot_id").replace(/[^0-9a-f]/g, "") || "none";
    const pid = String(process.pid);
    return { boot, namespace: namespaceOf(), pid, start: startOf(pid) ?? UNKNOWN };
}

/** undefined for one that does not run. */
function startOf(pid: string): string | undefined {
    let stat: string;
    try {
        stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    } catch (error) {
        const { code = "" } = error as NodeJS.ErrnoException;
        // ESRCH: it has ended between opening and reading. A limit on open files says nothing of it.
        return ["ENOENT", "ESRCH"].includes(code) ? undefined : UNKNOWN;
    }
    // The name of the program, in parentheses, may have spaces.
    const [state, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === "Z" || state === "X" ? undefined : (rest[18] ?? UNKNOWN);
}

function namespaceOf(): string {
    try {
        return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0";
    } catch {
        return "0";
    }
}

/** Nothing where it cannot be read: not on Linux. */
function read(path: string): string {
    try {
        return readFileSync(path, "utf8");
    } catch {
        return "";
    }
}
