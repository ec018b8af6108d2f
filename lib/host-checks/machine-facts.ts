import { shellWord } from "../ssh";

/** What a host says about itself, whichever registry it is to have. */
export interface MachineFacts {
    /** Seconds since 1970; undefined: not known, as all that follows. */
    readonly time: number | undefined;
    /** Bytes that are free where the directory is, or is to be. */
    readonly disk: number | undefined;
    /** Where the file system that has them is mounted. */
    readonly mountPoint: string | undefined;
    /**
     * Mount points of fstab(5) and of systemd's enabled units at or above the directory that have no file system now; empty also if
     * they are not known.
     */
    readonly unmounted: readonly string[];
    /** Bytes of memory: all of it, and what programs can have. */
    readonly memory: number | undefined;
    readonly freeMemory: number | undefined;
    /** Port -> who listens there, as ss(8) names it. */
    readonly listeners: ReadonlyMap<number, Listener>;
    /** Addresses of the host; empty: not known. */
    readonly addresses: readonly string[];
    /** Name -> addresses that the host resolves it to; empty: it does not; no entry: not known. */
    readonly names: ReadonlyMap<string, readonly string[]>;
}

export interface Listener {
    readonly program: string;
    /** undefined: not known. */
    readonly pid?: string | undefined;
}

/** What is asked about. */
export interface MachineQuestions {
    readonly directory: string;
    /** By which clients reach the registry, without a port. */
    readonly names: readonly string[];
}

/** Those of fstab(5) are generated, and not among the enabled ones. A name may have a backslash (systemd-escape). */
const MOUNT_UNITS =
    "systemctl list-unit-files --type=mount --state=enabled --no-legend 2>/dev/null | while read -r unit rest; do " +
    'systemctl show --property=Where --value "$unit" 2>/dev/null </dev/null || :; done';

/** Lines of a shell, also with `set -eu`, that print all of it and change nothing. */
export function machineScript({ directory, names }: MachineQuestions): string[] {
    return [
        'echo "time=$(date +%s)"',
        // The directory itself may not exist yet.
        `place=${shellWord(directory)}; while [ ! -d "$place" ]; do place=$(dirname "$place"); done`,
        `df -Pk "$place" | awk 'NR == 2 { print "disk=" $4; $1 = $2 = $3 = $4 = $5 = ""; sub(/^ +/, ""); print "mountPoint=" $0 }'`,
        `{ findmnt --fstab --noheadings --list --output TARGET 2>/dev/null || :; ${MOUNT_UNITS}; } | sort -u | while read -r point; do`,
        // A unit that is not loaded has none.
        `    [ -n "$point" ] || continue`,
        `    case ${shellWord(directory)}/ in "$point"/*) mountpoint -q "$point" || echo "unmounted=$point";; esac`,
        "done || :",
        `free -b 2>/dev/null | awk '$1 == "Mem:" { print "memory=" $2; print "freeMemory=" $7 }' || :`,
        "ss -Hltnp 2>/dev/null | sed 's/^/listen=/' || :",
        `ip -o addr show 2>/dev/null | awk '{ sub("/.*", "", $4); print "address=" $4 }' || :`,
        ...names.flatMap(lookUp),
    ];
}

/** getent(1) ends with 2 for a name that is not found. Without it, or with another status, nothing is known of the name. */
function lookUp(name: string): string[] {
    return [
        `status=0; found=$(getent ahosts ${shellWord(name)} 2>/dev/null) || status=$?`,
        `case $status in 0 | 2) echo "asked="${shellWord(name)}; printf '%s\\n' "$found" |`,
        `    awk 'NF > 0 { print "name=${name} " $1 }' | sort -u;; esac`,
    ];
}

/** @param printed by `machineScript`, and by whatever else the command has */
export function parseMachineFacts(printed: string, { names }: Pick<MachineQuestions, "names">): MachineFacts {
    const values = (name: string) =>
        printed.split("\n").flatMap((line) => (line.startsWith(`${name}=`) ? [line.slice(name.length + 1)] : []));
    const number = (name: string) => {
        const [text = ""] = values(name);
        return /^\d+$/.test(text) ? Number(text) : undefined;
    };
    const kib = number("disk");
    const resolved = values("name").map((line) => line.split(" "));
    const asked = names.filter((name) => values("asked").includes(name));
    return {
        time: number("time"),
        disk: kib === undefined ? undefined : kib * 1024,
        mountPoint: values("mountPoint")[0],
        unmounted: values("unmounted"),
        memory: number("memory"),
        freeMemory: number("freeMemory"),
        listeners: new Map(values("listen").flatMap(parseListener)),
        addresses: values("address"),
        names: new Map(
            asked.map((name) => [name, resolved.flatMap(([of, address]) => (of === name && address ? [address] : []))]),
        ),
    };
}

/** A line of `ss -Hltnp`: state, two queues, the local address with its port, the other one, the processes. */
function parseListener(line: string): (readonly [number, Listener])[] {
    const [, , , local = "", , processes = ""] = line.trim().split(/\s+/);
    const port = Number(/:(\d+)$/.exec(local)?.[1]);
    const [, program = "an unknown program", pid] = /\(\("([^"]+)",pid=(\d+)/.exec(processes) ?? [];
    return Number.isNaN(port) ? [] : [[port, { program, pid }]];
}
