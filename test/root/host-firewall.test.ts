import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type AddressRange, type NetworkAccess, parseAddressRange, renderAccess } from "../../lib/openshift";

jest.setTimeout(120_000);

/** Namespaces of the network: the registry's host, and two machines on networks of their own. */
const name = (role: string): string => `access-${process.pid}-${role}`;
const HOST = name("host");
const MACHINES = ["node", "other"] as const;
type Machine = (typeof MACHINES)[number];
const PORT = 8443;
/** Where the registry itself listens, as in a container whose port is published. */
const INNER = 5000;
const subnet = { node: ["10.99.0", "fd00:99:0:"], other: ["10.99.1", "fd00:99:1:"] } as const;

const home = mkdtempSync(join(tmpdir(), "host firewall "));
let server: ChildProcess | undefined;

const sh = (program: string, ...args: readonly string[]): string => execFileSync(program, args, { encoding: "utf8" });
const inside = (namespace: string, ...command: readonly string[]): string =>
    sh("ip", "netns", "exec", namespace, ...command);

function ruleset(nodes: readonly string[]): string {
    const ranges = nodes.map(parseAddressRange) as AddressRange[];
    const access: NetworkAccess = { nodes: ranges, others: [] };
    const { files } = renderAccess({ access, registryHost: `registry.lab:${PORT}`, plainHttp: false, sources: [] });
    const file = join(home, "registry-host.nft");
    writeFileSync(file, files["access/registry-host.nft"] ?? "");
    return file;
}

beforeAll(async () => {
    for (const namespace of [HOST, ...MACHINES.map(name)]) {
        sh("ip", "netns", "add", namespace);
        inside(namespace, "ip", "link", "set", "lo", "up");
    }
    for (const machine of MACHINES) connect(machine);
    // As a container's published port: without it, a rule on input would see the port of the container.
    const nat = `table inet published { chain ports { type nat hook prerouting priority -100; tcp dport ${PORT} redirect to :${INNER}; }; }`;
    inside(HOST, "nft", nat);
    server = spawn("ip", ["netns", "exec", HOST, process.execPath, "-e", listen(INNER, PORT)]);
    if (server.stdout !== null) await once(server.stdout, "data");
});

afterAll(() => {
    server?.kill();
    const present = sh("ip", "netns", "list").split("\n");
    for (const namespace of [HOST, ...MACHINES.map(name)]) {
        // One that could not be created must not keep the others from being deleted.
        if (present.some((line) => line.split(" ")[0] === namespace)) sh("ip", "netns", "del", namespace);
    }
    rmSync(home, { recursive: true, force: true });
});

function connect(machine: Machine): void {
    sh(
        "ip",
        "link",
        "add",
        `to-${machine}`,
        "netns",
        HOST,
        "type",
        "veth",
        "peer",
        "name",
        "eth0",
        "netns",
        name(machine),
    );
    for (const [namespace, link, last] of [
        [HOST, `to-${machine}`, "1"],
        [name(machine), "eth0", "2"],
    ] as const) {
        const [v4, v6] = subnet[machine];
        inside(namespace, "ip", "addr", "add", `${v4}.${last}/24`, "dev", link);
        inside(namespace, "ip", "addr", "add", `${v6}:${last}/64`, "dev", link, "nodad");
        inside(namespace, "ip", "link", "set", link, "up");
    }
}

const listen = (...ports: readonly number[]): string =>
    `Promise.all(${JSON.stringify(ports)}.map((port) => new Promise((done) => require("net").createServer((c) => c.end()).listen(port, "::", done)))).then(() => console.log("listening"))`;

/** A connection attempt that runs until it is established, or is ended. */
function attempt(namespace: string, address: string): ChildProcess {
    const script = `require("net").connect(${PORT}, ${JSON.stringify(address)}).on("connect", () => process.exit(0)).on("error", (e) => { console.error(e); process.exit(1) })`;
    return spawn("ip", ["netns", "exec", namespace, process.execPath, "-e", script], { stdio: "inherit" });
}

async function isAdmitted(namespace: string, address: string): Promise<boolean> {
    const before = dropped();
    const client = attempt(namespace, address);
    const closed = once(client, "close");
    while (client.exitCode === null && dropped() === before) await nextTurn();
    client.kill("SIGKILL");
    await closed;
    if (client.exitCode !== null && client.exitCode !== 0) throw new Error(`no route from ${namespace} to ${address}`);
    return client.exitCode === 0;
}

function dropped(): number {
    return Number(/counter packets (\d+)/.exec(inside(HOST, "nft", "list", "ruleset"))?.[1] ?? "0");
}

const host = (machine: Machine, family: 0 | 1): string => `${subnet[machine][family]}${family === 0 ? "." : ":"}1`;

test.each([[["10.99.0.0/24"]], [["fd00:99::/64"]], [["10.99.0.2", "10.99.0.0/24", "fd00:99::/64"]]])(
    "nft accepts the rules for %j, and loading them twice replaces them",
    (nodes) => {
        const file = ruleset(nodes);
        inside(HOST, "nft", "-c", "-f", file);
        inside(HOST, "nft", "-f", file);
        const loaded = inside(HOST, "nft", "list", "ruleset");
        inside(HOST, "nft", "-f", file);
        expect(inside(HOST, "nft", "list", "ruleset")).toBe(loaded);
        expect(loaded).toContain("table inet published");
    },
);

test("nodes reach a published port over both families, others do not, and the host itself does", async () => {
    inside(HOST, "nft", "-f", ruleset(["10.99.0.0/24", "fd00:99::/64"]));
    expect(await isAdmitted(name("node"), host("node", 0))).toBe(true);
    expect(await isAdmitted(name("node"), host("node", 1))).toBe(true);
    expect(await isAdmitted(name("other"), host("other", 0))).toBe(false);
    expect(await isAdmitted(name("other"), host("other", 1))).toBe(false);
    expect(await isAdmitted(HOST, "127.0.0.1")).toBe(true);
    expect(await isAdmitted(HOST, host("other", 0))).toBe(true);
});

test("a family without addresses is not admitted", async () => {
    inside(HOST, "nft", "-f", ruleset(["10.99.0.0/24"]));
    expect(await isAdmitted(name("node"), host("node", 0))).toBe(true);
    expect(await isAdmitted(name("node"), host("node", 1))).toBe(false);
});
