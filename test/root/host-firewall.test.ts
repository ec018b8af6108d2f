import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AddressRange, type NetworkAccess, parseAddressRange, renderAccess } from "../../lib/openshift";
import {
    addNamespaces,
    connectNamespaces,
    inNamespace,
    isAdmitted,
    removeNamespaces,
} from "../support/network-namespaces";

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

function ruleset(nodes: readonly string[]): string {
    const ranges = nodes.map(parseAddressRange) as AddressRange[];
    const access: NetworkAccess = { nodes: ranges, others: [] };
    const { files } = renderAccess({ access, registryHost: `registry.lab:${PORT}`, plainHttp: false, sources: [] });
    const file = join(home, "registry-host.nft");
    writeFileSync(file, files["access/registry-host.nft"] ?? "");
    return file;
}

beforeAll(async () => {
    addNamespaces(HOST, ...MACHINES.map(name));
    for (const machine of MACHINES) connect(machine);
    // As a container's published port: without it, a rule on input would see the port of the container.
    const nat = `table inet published { chain ports { type nat hook prerouting priority -100; tcp dport ${PORT} redirect to :${INNER}; }; }`;
    inNamespace(HOST, "nft", nat);
    server = spawn("ip", ["netns", "exec", HOST, process.execPath, "-e", listen(INNER, PORT)]);
    if (server.stdout !== null) await once(server.stdout, "data");
});

afterAll(() => {
    server?.kill();
    removeNamespaces(HOST, ...MACHINES.map(name));
    rmSync(home, { recursive: true, force: true });
});

function connect(machine: Machine): void {
    const [v4, v6] = subnet[machine];
    const addresses = (last: 1 | 2) => [`${v4}.${last}/24`, `${v6}:${last}/64`];
    connectNamespaces(
        { namespace: HOST, link: `to-${machine}`, addresses: addresses(1) },
        { namespace: name(machine), link: "eth0", addresses: addresses(2) },
    );
}

const listen = (...ports: readonly number[]): string =>
    `Promise.all(${JSON.stringify(ports)}.map((port) => new Promise((done) => require("net").createServer((c) => c.end()).listen(port, "::", done)))).then(() => console.log("listening"))`;

const isLetIn = (from: string, address: string): Promise<boolean> => isAdmitted(HOST, { from, address, port: PORT });

const host = (machine: Machine, family: 0 | 1): string => `${subnet[machine][family]}${family === 0 ? "." : ":"}1`;

test.each([[["10.99.0.0/24"]], [["fd00:99::/64"]], [["10.99.0.2", "10.99.0.0/24", "fd00:99::/64"]]])(
    "nft accepts the rules for %j, and loading them twice replaces them",
    (nodes) => {
        const file = ruleset(nodes);
        inNamespace(HOST, "nft", "-c", "-f", file);
        inNamespace(HOST, "nft", "-f", file);
        const loaded = inNamespace(HOST, "nft", "list", "ruleset");
        inNamespace(HOST, "nft", "-f", file);
        expect(inNamespace(HOST, "nft", "list", "ruleset")).toBe(loaded);
        expect(loaded).toContain("table inet published");
    },
);

test("nodes reach a published port over both families, others do not, and the host itself does", async () => {
    inNamespace(HOST, "nft", "-f", ruleset(["10.99.0.0/24", "fd00:99::/64"]));
    expect(await isLetIn(name("node"), host("node", 0))).toBe(true);
    expect(await isLetIn(name("node"), host("node", 1))).toBe(true);
    expect(await isLetIn(name("other"), host("other", 0))).toBe(false);
    expect(await isLetIn(name("other"), host("other", 1))).toBe(false);
    expect(await isLetIn(HOST, "127.0.0.1")).toBe(true);
    expect(await isLetIn(HOST, host("other", 0))).toBe(true);
});

test("a family without addresses is not admitted", async () => {
    inNamespace(HOST, "nft", "-f", ruleset(["10.99.0.0/24"]));
    expect(await isLetIn(name("node"), host("node", 0))).toBe(true);
    expect(await isLetIn(name("node"), host("node", 1))).toBe(false);
});
