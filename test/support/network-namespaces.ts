import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";

/** One end of a link between two network namespaces. */
export interface LinkEnd {
    /** undefined: the machine's own. */
    readonly namespace?: string | undefined;
    readonly link: string;
    /** With their prefix: "10.0.0.1/24". */
    readonly addresses: readonly string[];
}

/** Namespaces of the network (ip-netns(8)), each with its loopback. Needs root. */
export function addNamespaces(...names: readonly string[]): void {
    for (const name of names) {
        ip("netns", "add", name);
        inNamespace(name, "ip", "link", "set", "lo", "up");
    }
}

/** With the links that lead to them. One that could not be created does not keep the others from being deleted. */
export function removeNamespaces(...names: readonly string[]): void {
    const present = ip("netns", "list")
        .split("\n")
        .map((line) => line.split(" ")[0]);
    for (const name of names) if (present.includes(name)) ip("netns", "del", name);
}

/** A cable between two namespaces: it goes with either of them. */
export function connectNamespaces(one: LinkEnd, other: LinkEnd): void {
    const [first, second] = [one, other].map(({ namespace, link }) => [
        link,
        ...(namespace === undefined ? [] : ["netns", namespace]),
    ]);
    ip("link", "add", ...(first ?? []), "type", "veth", "peer", "name", ...(second ?? []));
    for (const { namespace, link, addresses } of [one, other]) {
        for (const address of addresses) {
            const options = address.includes(":") ? ["nodad"] : [];
            inNamespace(namespace, "ip", "addr", "add", address, "dev", link, ...options);
        }
        inNamespace(namespace, "ip", "link", "set", link, "up");
    }
}

/** @param namespace undefined: the machine's own @returns what the command prints */
export function inNamespace(namespace: string | undefined, ...command: readonly string[]): string {
    const [program = "", ...args] = namespace === undefined ? command : ["ip", "netns", "exec", namespace, ...command];
    return execFileSync(program, args, { encoding: "utf8" });
}

/**
 * Whether a machine is let in at a port, by rules of nftables in another namespace that drop and count what is not.
 * @param host the namespace with the rules, which nothing else tries to reach meanwhile
 * @throws Error if the attempt fails in another way
 */
export async function isAdmitted(
    host: string,
    { from, address, port }: { readonly from: string; readonly address: string; readonly port: number },
): Promise<boolean> {
    const before = droppedPackets(host);
    const client = attempt(from, address, port);
    const closed = once(client, "close");
    while (client.exitCode === null && droppedPackets(host) === before) await nextTurn();
    client.kill("SIGKILL");
    await closed;
    if (client.exitCode !== null && client.exitCode !== 0) throw new Error(`no route from ${from} to ${address}`);
    return client.exitCode === 0;
}

/** A connection attempt that runs until it is established, or is ended. */
function attempt(namespace: string, address: string, port: number): ChildProcess {
    const script = `require("net").connect(${port}, ${JSON.stringify(address)}).on("connect", () => process.exit(0)).on("error", (e) => { console.error(e); process.exit(1) })`;
    return spawn("ip", ["netns", "exec", namespace, process.execPath, "-e", script], { stdio: "inherit" });
}

function droppedPackets(namespace: string): number {
    return Number(/counter packets (\d+)/.exec(inNamespace(namespace, "nft", "list", "ruleset"))?.[1] ?? "0");
}

function ip(...args: readonly string[]): string {
    return execFileSync("ip", args, { encoding: "utf8" });
}
