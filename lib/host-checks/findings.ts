import { formatBytes } from "../errors/text";
import type { MachineFacts } from "./machine-facts";

/** Something that keeps a host from having a registry. */
export interface Finding {
    /** What it is about: "port 8443". */
    readonly name: string;
    readonly problem: string;
    readonly fix: string;
    /** It may be as it is meant: it is said, and refuses nothing. */
    readonly isWarning?: true;
}

/** Certificates are compared with the host's clock, and tokens with both. */
const MOST_SECONDS_OFF = 300;

/** @param now milliseconds since 1970, of this machine */
export function clockFindings({ time }: Pick<MachineFacts, "time">, now: number): Finding[] {
    const seconds = Math.round((time ?? now / 1000) - now / 1000);
    if (Math.abs(seconds) <= MOST_SECONDS_OFF) return [];
    return [
        {
            name: "clock",
            problem: `it is ${timeSpan(Math.abs(seconds))} ${seconds < 0 ? "behind" : "ahead of"} that of this machine`,
            fix: "synchronize both clocks (chronyd)",
        },
    ];
}

/** In the largest unit of which there are two or more: "3 days", "5 minutes". @param seconds 120 or more */
function timeSpan(seconds: number): string {
    const units = [["days", 86_400] as const, ["hours", 3600] as const];
    const [unit, length] = units.find(([, each]) => seconds >= 2 * each) ?? ["minutes", 60];
    return `${Math.round(seconds / length)} ${unit}`;
}

/**
 * That the directory is where it will be after the next boot: a disk that is mounted later hides what was written before.
 * @param directory absolute, which may not exist yet
 */
export function mountFindings({ unmounted }: Pick<MachineFacts, "unmounted">, directory: string): Finding[] {
    return unmounted.map((point) => ({
        name: directory,
        problem: `the disk for ${point} is not mounted`,
        fix: `mount ${point}, or take it out of /etc/fstab or of systemd's units (*.mount)`,
    }));
}

/** @param has bytes; undefined: not known, which is no finding @param fix default: to have as much */
export function roomFindings(name: string, has: number | undefined, least: number, fix?: string): Finding[] {
    if (has === undefined || has >= least) return [];
    const problem = `${formatBytes(has)}, and ${formatBytes(least)} are needed`;
    return [{ name, problem, fix: fix ?? `make it ${formatBytes(least)} or more` }];
}

/** @param own whether a program is one that may have the port */
export function portFindings(
    { listeners }: Pick<MachineFacts, "listeners">,
    ports: readonly number[],
    fix: string,
    own: (program: string) => boolean = () => false,
): Finding[] {
    return ports.flatMap((port): Finding[] => {
        const found = listeners.get(port);
        if (found === undefined || own(found.program)) return [];
        const { program, pid } = found;
        const problem = `${program}${pid === undefined ? "" : ` (process ${pid})`} listens there`;
        return [{ name: `port ${port}`, problem, fix }];
    });
}

/** How names are seen from here, and what they are to lead to. */
export interface NameExpectation {
    /** As `resolveHere` gives it: names whose addresses are not known have no entry. */
    readonly here: ReadonlyMap<string, readonly string[]>;
    /** Whether this machine is the host. */
    readonly isHere: boolean;
    /** Whether each name is looked for at the host itself; else it only has to be resolved. */
    readonly isOfHost: boolean;
    /** Addresses at which the host is reached from here, which it need not have itself, as behind NAT; default: not known. */
    readonly reachedAt?: readonly string[];
}

const DNS_FIX = "correct the record in DNS or the line in /etc/hosts, or the name in site.registry";

/**
 * That the host and this machine resolve the registry's names. A name that leads elsewhere is a warning: what is there may be
 * a virtual address, NAT or a load balancer of this host.
 */
export function nameFindings(
    { names, addresses }: Pick<MachineFacts, "names" | "addresses">,
    { here, isHere, isOfHost, reachedAt = [] }: NameExpectation,
): Finding[] {
    const common = { addresses, isOfHost, reachedAt: reachedAt.map(plainAddress) };
    return [...new Set([...names.keys(), ...here.keys()])].flatMap((name) => [
        ...(isOfHost ? domainFindings(name) : []),
        ...viewFindings(name, { ...common, who: "the host", found: names.get(name), isHere: true }),
        ...viewFindings(name, { ...common, who: "this machine", found: here.get(name), isHere }),
    ]);
}

/** A resolver completes a name without a dot by its own search domains (resolv.conf(5)). */
function domainFindings(name: string): Finding[] {
    if (/[.:]/.test(name) || name === "localhost") return [];
    const problem =
        "it has no domain: host and this machine may complete it, and nodes of clusters do not, or to another name";
    return [{ name, problem, fix: "write the full name in site.registry", isWarning: true }];
}

/** An IPv4 address in IPv6 notation is that address. */
function plainAddress(address: string): string {
    return address.replace(/^::ffff:(?=\d+\.)/, "");
}

interface View {
    readonly who: string;
    /** undefined: not known. */
    readonly found: readonly string[] | undefined;
    /** Of the host. */
    readonly addresses: readonly string[];
    readonly reachedAt: readonly string[];
    /** Whether loopback is the host. */
    readonly isHere: boolean;
    readonly isOfHost: boolean;
}

function viewFindings(name: string, { who, found, addresses, reachedAt, isHere, isOfHost }: View): Finding[] {
    if (found === undefined) return [];
    if (found.length === 0) return [{ name, problem: `${who} does not resolve it`, fix: DNS_FIX }];
    // Its own addresses are not known without ip(8).
    if (!isOfHost || addresses.length === 0) return [];
    const plain = found.map(plainAddress);
    const isLoopback = (address: string) => /^(127\.|::1$)/.test(address);
    const isOwn = (address: string) =>
        reachedAt.includes(address) || (isLoopback(address) ? isHere : addresses.includes(address));
    if (plain.some(isOwn)) return [];
    const own = [...new Set([...reachedAt, ...addresses.filter((address) => !isLoopback(address))])].join(", ");
    const problem = `${who} resolves it to ${plain.join(", ")}, which is no address of the host${own && ` (${own})`}`;
    return [
        { name, problem, fix: `if no NAT, virtual address or load balancer is there: ${DNS_FIX}`, isWarning: true },
    ];
}
