import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { PartialState } from "../../dynamic-providers/lifecycle/resource-provider";
import type { RegistryHostInputs, RegistryHostOutputs } from "../../dynamic-providers/registry-host/kind";
import { registryHostProvider as provider } from "../../dynamic-providers/registry-host/provider";
import { ClusterError } from "../../lib/kubernetes/cluster-error";
import { ROLLOUT_PATHS } from "../../lib/openshift/rollout/rollout-objects";
import { applyRegistryHost as apply, refreshedRegistryHost as refreshed } from "../support/host/apply-registry-host";
import { HOST_OWNER, hostInputs, writeHostImage } from "../support/host/host-inputs";
import { throughLostConnections } from "../support/host/lost-connections";
import { TestHost } from "../support/host/test-host";
import { MemoryCluster } from "../support/memory-cluster";
import { operationContext } from "../support/operation-context";
import { freePort } from "../support/registry-process";

jest.setTimeout(300_000);

/** A value that is not known before the update. */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const UNITS = ["registry-passthrough-pull", "registry-passthrough-push"] as const;
const TABLE = "inet registry_passthrough_allowed";
const folder = mkdtempSync(joinPath(tmpdir(), "images-"));
const archive = joinPath(folder, "distribution.tar");

let host: TestHost;
let inputs: RegistryHostInputs;
let issue: () => Promise<{ certificate: string; key: string }>;

beforeEach(async () => {
    host = await TestHost.start();
    writeHostImage(archive, "1");
    ({ inputs, issue } = await hostInputs(host, archive));
});
afterEach(() => host.stop());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("an archive whose image the host has may go; it is missed when the host has lost the image, or another one is named", async () => {
    const lost = { code: "CONFIG_INVALID", thing: "site.registry.deploy.host.imageFile" };
    const state = await apply(undefined, inputs);
    rmSync(archive);
    const rotated = await apply(state, { ...inputs, rotate: "1" });
    expect(rotated.image).toEqual(state.image);
    await expect(apply(rotated, { ...inputs, image: { file: `${archive}.gz` } })).rejects.toMatchObject(lost);
    host.state.images = {};
    const failure: unknown = await apply(rotated, { ...inputs, rotate: "2" }).catch((error: unknown) => error);
    if (!(failure instanceof PartialState)) throw failure;
    expect(failure.reasons[0]).toMatch(
        /does not have the image \(any more\), .*ENOENT.*bring the archive to this machine again/,
    );
    expect(host.state.starts).toHaveLength(2);
});

test("a port that clusters pull from stays; one that was never set up to the end may be corrected", async () => {
    const moved = { ...inputs, registry: { ...inputs.registry, mirrorBase: `localhost:${await freePort()}/mirror` } };
    host.program("sleep", "exit 1");
    const failure: unknown = await apply(undefined, inputs).catch((error: unknown) => error);
    if (!(failure instanceof PartialState)) throw failure;
    host.program("sleep", "exit 0");
    const first = failure.known as RegistryHostOutputs;
    expect(() => provider.describeUpdate?.(first, moved, operationContext())).not.toThrow();
    const state = await apply(first, moved);
    const { starts } = host.state;
    const refusal = `the registry would not answer at ${moved.registry.mirrorBase.replace("/mirror", "")} any more`;
    expect(() => provider.describeUpdate?.(state, inputs, operationContext())).toThrow(refusal);
    await expect(apply(state, inputs)).rejects.toThrow(refusal);
    expect(host.state.starts).toEqual(starts);
});

test("accounts that clusters may have stay valid through changes of rotate that were not completed", async () => {
    const failed = async (state: RegistryHostOutputs, rotate: string) => {
        const failure: unknown = await apply(state, { ...inputs, rotate }).catch((error: unknown) => error);
        if (!(failure instanceof PartialState)) throw failure;
        return refreshed(failure.known as RegistryHostOutputs);
    };
    const state = await apply(undefined, inputs);
    host.program("sha256sum", "exit 1");
    const names = ({ accounts }: RegistryHostOutputs) => accounts.lines.pull.map((line) => line.replace(/:.*/, ""));
    const second = await failed(await failed(state, "1"), "2");
    expect(names(second)).toEqual(["puller-3", "puller-2", "puller-1"]);
    rmSync(joinPath(host.root, "bin/sha256sum"));
    const third = await apply(second, { ...inputs, rotate: "2" });
    expect(names(third)).toEqual(names(second));
    expect(names(await apply(third, { ...inputs, rotate: "3" }))).toEqual(["puller-4", "puller-3"]);
});

/** Clusters in memory by name, whose nodes a registry lets in, and what is logged meanwhile. */
function clusters(...names: string[]) {
    const lines: string[] = [];
    const all = new Map(names.map((name) => [name, new MemoryCluster()]));
    return {
        lines,
        of: (name: string) => all.get(name) ?? new MemoryCluster(),
        context: () =>
            operationContext(lines, {
                connectCluster: async ({ kubeconfig }) => all.get(String(kubeconfig)) ?? new MemoryCluster(),
            }),
        /** How the nodes of these are read. */
        nodesOf: (...read: string[]) => read.map((cluster) => ({ cluster, kubeconfig: cluster })),
    };
}

function join(cluster: MemoryCluster, name: string, ...addresses: string[]): void {
    const found = addresses.map((address) => ({ type: "InternalIP", address }));
    const status = { addresses: [{ type: "Hostname", address: name }, ...found] };
    cluster.put(ROLLOUT_PATHS.nodes, { metadata: { name }, status } as never);
}

const letIn = () => /elements = \{ (.*) \}/.exec(host.state.tables[TABLE] ?? "")?.[1];

function cutOff(cluster: MemoryCluster): void {
    cluster.beforeCall = () => {
        throw new ClusterError("down", { server: cluster.server, code: "CLUSTER_UNREACHABLE", fix: "wait" });
    };
}

test("nodes of a cluster are let in: one that joined is drift, and a cluster that cannot be read takes no address away", async () => {
    const { of, lines, context, nodesOf } = clusters("");
    const cluster = of("");
    const news = { ...inputs, allowedFrom: ["10.9.0.0/16"], nodesOf: nodesOf("") };
    // Nothing is known of it: nobody in it would reach the registry.
    join(cluster, "worker-0");
    await expect(apply(undefined, news, context())).rejects.toThrow(
        /lists no node with an address \(worker-0 have none\)/,
    );
    expect(existsSync(inputs.directory)).toBe(false);
    join(cluster, "worker-0", "10.8.0.10", "fd00:8::10");
    const state = await apply(undefined, news, context());
    expect(letIn()).toBe("10.8.0.10/32, 10.9.0.0/16");
    expect(host.state.tables[TABLE]).toContain("fd00:8::10/128");

    join(cluster, "worker-1", "10.8.0.11");
    const { beforeCall } = cluster;
    cutOff(cluster);
    const unread = await refreshed(state, context());
    expect(unread.differences).toEqual([]);
    expect(lines.at(-1)).toMatch(
        /cluster could not be read, whose nodes reach the registry as they did: CLUSTER_UNREACHABLE/,
    );
    const rotated = await apply(unread, { ...news, rotate: "1" }, context());
    expect(letIn()).toBe("10.8.0.10/32, 10.9.0.0/16");

    cluster.beforeCall = beforeCall;
    const drifted = await refreshed(rotated, context());
    expect(drifted.differences).toEqual(["nodes of cluster do not reach it yet: 10.8.0.11"]);
    const { starts } = host.state;
    const joined = await apply(drifted, { ...news, rotate: "1" }, context());
    expect(letIn()).toBe("10.8.0.10/32, 10.8.0.11/32, 10.9.0.0/16");
    expect((await refreshed(joined, context())).differences).toEqual([]);

    // A node whose address is not known may have one of those that are.
    join(cluster, "worker-0");
    const unsure = await refreshed(joined, context());
    expect(unsure.differences).toEqual([]);
    expect(lines.at(-1)).toBe(
        "cluster: nodes without an IP address do not reach the registry by allowedNodes: worker-0; " +
            "these stay, since they may be theirs: 10.8.0.10, fd00:8::10",
    );
    await apply(unsure, { ...news, rotate: "2" }, context());
    expect(letIn()).toBe("10.8.0.10/32, 10.8.0.11/32, 10.9.0.0/16");
    expect(host.state.starts).toEqual(starts);
});

test("a cluster that leaves the site keeps its addresses until allowedNodes is off, and each refresh names it", async () => {
    const { of, lines, context, nodesOf } = clusters("east", "west");
    join(of("east"), "east-0", "10.8.0.10");
    join(of("west"), "west-0", "10.7.0.10");
    join(of("west"), "west-1", "10.7.0.11");
    const news = { ...inputs, allowedFrom: ["10.9.0.0/16"], nodesOf: nodesOf("east", "west") };
    const state = await apply(undefined, news, context());
    const both = "10.7.0.10/32, 10.7.0.11/32, 10.8.0.10/32, 10.9.0.0/16";
    expect(letIn()).toBe(both);

    const east = { ...news, nodesOf: nodesOf("east") };
    const first = await refreshed(await apply(state, east, context()), context());
    expect(first.differences).toEqual([]);
    expect(lines.at(-1)).toMatch(
        /cluster west is not in the site any more, or without apply; its nodes still reach the registry \(2 addresses\)/,
    );
    const left = await apply(first, { ...east, rotate: "2" }, context());
    expect(letIn()).toBe(both);

    const { nodesOf: _, ...off } = { ...news, image: left.image, rotate: "2" };
    lines.length = 0;
    provider.describeUpdate?.(left, off, context());
    expect(lines).toEqual([
        expect.stringMatching(/without allowedNodes, 3 addresses .* \(cluster east: 1, cluster west: 2\)/),
    ]);
    expect(provider.compare(left, off).changes).toBe(true);
    const closed = await apply(left, off, context());
    expect(letIn()).toBe("10.9.0.0/16");
    expect((await refreshed(closed, context())).differences).toEqual([]);
    // And on again: who has left is not let in, but those of the site are.
    await apply(closed, { ...east, rotate: "2" }, context());
    expect(letIn()).toBe("10.8.0.10/32, 10.9.0.0/16");
});

test("the preview says that without allowedNodes and allowedFrom everybody reaches the registry", () => {
    const lines: string[] = [];
    const state = { ...inputs, nodes: { "": ["10.8.0.10"] }, nodesOf: [{ cluster: "", kubeconfig: "" }] };
    const news = { ...inputs, allowedFrom: [] };
    provider.describeUpdate?.(state as never, news, operationContext(lines));
    expect(lines).toEqual([expect.stringMatching(/everybody reaches the registry, not only 1 address of nodes/)]);
});

test("the preview looks at the host also if a cluster cannot be read, and refuses nothing that its nodes may mend", async () => {
    const { of, lines, context, nodesOf } = clusters("");
    cutOff(of(""));
    Object.assign(host.state, { version: "3.4.2" });
    host.env.SSH_CONNECTION = "10.7.0.10 40000 10.7.0.1 22";
    const news = { ...inputs, allowedFrom: ["10.9.0.0/16"] };
    const refused = async (found: RegistryHostInputs) =>
        provider
            .describeChanges?.({}, found, context())
            .catch((error: { problems: { name: string }[] }) => error.problems.map(({ name }) => name));
    expect(await refused({ ...news, nodesOf: nodesOf("") })).toEqual(["podman"]);
    expect(lines).toEqual([expect.stringMatching(/could not be read, its nodes are asked for in the update/)]);
    // So it does for a cluster that the same up creates.
    expect(await refused({ ...news, nodesOf: UNKNOWN as never })).toEqual(["podman"]);
    expect(await refused(news)).toEqual(["podman", "allowedFrom"]);
});

test("allowedNodes of a site with one cluster is a change, another kubeconfig one of the state alone", async () => {
    const { of, context, nodesOf } = clusters("");
    join(of(""), "worker-0", "10.8.0.10");
    const news = { ...inputs, allowedFrom: ["10.9.0.0/16"] };
    const state = await apply(undefined, news, context());
    // As the check of the engine's next run has them.
    const { image } = state;
    expect(provider.compare(state, { ...news, image }).changes).toBe(false);
    const open = { ...news, image, nodesOf: nodesOf("") };
    expect(provider.compare(state, open).changes).toBe(true);
    const opened = await apply(state, open, context());
    expect(letIn()).toBe("10.8.0.10/32, 10.9.0.0/16");

    const renewed = { ...open, nodesOf: [{ cluster: "", kubeconfig: "another" }] };
    expect(provider.compare(opened, renewed).changes).toBe(true);
    host.server.commands.length = 0;
    expect(await apply(opened, renewed, context())).toEqual({ ...opened, nodesOf: renewed.nodesOf });
    expect(host.server.commands).toEqual([]);
});

const differences = async (state: RegistryHostOutputs) => (await refreshed(state)).differences;

test("a machine that was installed again with the disk of the content is taken, and gets everything else anew", async () => {
    const state = await apply(undefined, inputs);
    writeFileSync(joinPath(host.root, "etc/machine-id"), `${"f".repeat(32)}\n`);
    for (const unit of UNITS) rmSync(joinPath(host.root, `etc/systemd/system/${unit}.service`));
    const other = "it is another machine than before, which has the directory of this registry";
    expect(await differences(state)).toContain(other);
    // Also where only the way to it has changed: it has a host key of its own.
    const lines: string[] = [];
    const news = { ...inputs, login: { privateKey: `${inputs.login.privateKey}\n` } };
    const own = operationContext(lines);
    expect((await provider.read(state, own)).outs.differences).toContain(other);
    expect([...own.process.brokenRegistries]).toEqual([inputs.registry.mirrorBase]);
    const { machineId, ...moved } = await provider.update(state, news, own);
    // What a refresh finds after it in the same run is what is there.
    expect([...own.process.brokenRegistries]).toEqual([]);
    expect(lines.join()).toContain(other);
    expect(machineId).toBe("f".repeat(32));
    expect(moved.accounts).toEqual(state.accounts);
    expect(await differences({ ...moved, machineId })).toEqual([]);
});

test("a copy of the disk is no registry while the machine that it was taken from answers; memory of another one is checked", async () => {
    const state = await apply(undefined, inputs);
    const copy = await TestHost.start();
    try {
        writeFileSync(joinPath(copy.root, "etc/machine-id"), `${"f".repeat(32)}\n`);
        const { address, port, user, hostKey, privateKey } = copy.server.connection;
        const news = { ...inputs, host: { address, port, user, hostKey }, login: { privateKey } };
        const former = `operator@127.0.0.1:${inputs.host.port}`;
        await expect(apply(state, news)).rejects.toMatchObject({
            code: "HOST_DIFFERENT",
            problem: `the machine that has the content still answers at ${former}`,
            fix: expect.stringContaining("shut the former one down first") as string,
        });
        await expect(apply(state, { ...news, rotate: "1" })).rejects.toMatchObject({ code: "HOST_DIFFERENT" });
        expect(copy.state).toMatchObject({ starts: [], containers: {} });
        for (const unit of UNITS) await host.kill(unit);
        await host.server.stop();
        copy.program("free", 'echo "Mem: 4000000000 0 0 0 0 1000000"');
        const lines: string[] = [];
        await expect(apply(state, news, operationContext(lines))).rejects.toMatchObject({
            code: "HOST_NOT_READY",
            problems: [{ name: "memory" }],
        });
        expect(lines.join()).toContain(`(machine-id ${state.machineId}, last at ${former})`);
    } finally {
        await copy.stop();
    }
});

test("a disk that is not mounted is no reason to begin again without the content", async () => {
    const state = await apply(undefined, inputs);
    renameSync(inputs.directory, `${inputs.directory}-elsewhere`);
    const { outs } = await provider.read(state, operationContext());
    expect(outs.differences).toContain(`${inputs.directory}/owner does not exist`);
    await expect(apply(outs, inputs)).rejects.toMatchObject({
        code: "HOST_DIFFERENT",
        fix: expect.stringContaining(`write ${HOST_OWNER} to ${inputs.directory}/owner`) as string,
    });
    // Nor to remove it, and leave keys and content where nobody knows of them.
    const units = { ...host.state };
    await expect(provider.remove({ ...outs, deleteContent: true }, operationContext())).rejects.toMatchObject({
        code: "HOST_DIFFERENT",
    });
    expect(existsSync(inputs.directory)).toBe(false);
    // A mount point may have a folder of its own.
    mkdirSync(joinPath(inputs.directory, ".snapshot"), { recursive: true });
    const unmounted = { code: "HOST_DIFFERENT", problem: expect.stringContaining("has no file owner") as string };
    await expect(provider.remove(outs, operationContext())).rejects.toMatchObject(unmounted);
    await expect(apply(outs, inputs)).rejects.toMatchObject(unmounted);
    expect(host.state).toEqual(units);
    rmSync(inputs.directory, { recursive: true });
    renameSync(`${inputs.directory}-elsewhere`, inputs.directory);
    expect(await differences(await apply(outs, inputs))).toEqual([]);
});

test("another key to log in with is tried, and nothing else is done", async () => {
    const state = await apply(undefined, inputs);
    host.server.commands.length = 0;
    const login = { privateKey: `${inputs.login.privateKey}\n` };
    const { starts } = host.state;
    const updated = await apply(state, { ...inputs, login });
    expect(updated).toEqual({ ...state, login });
    expect(host.server.commands.join("\n")).not.toMatch(/daemon-reload|mkdir|nft -[cf]/);
    expect(host.server.commands).not.toHaveLength(0);
    expect(host.state.starts).toEqual(starts);
    writeFileSync(joinPath(host.root, "etc/machine-id"), `${"f".repeat(32)}\n`);
    renameSync(inputs.directory, `${inputs.directory}-elsewhere`);
    await expect(apply(updated, inputs)).rejects.toMatchObject({ code: "HOST_DIFFERENT" });
});

test("connections that are lost at one command after the other end in a registry, in a changed one, and in none", async () => {
    let state: RegistryHostOutputs | undefined;
    const through = (news: RegistryHostInputs) =>
        throughLostConnections(host, async () => {
            // Not with the preview, which tolerates a host that cannot be reached.
            const run = state === undefined ? created(news) : apply(state, news);
            state = await run.catch((error: unknown) => {
                if (error instanceof PartialState) state = error.known as RegistryHostOutputs;
                throw error;
            });
        });
    const created = async (news: RegistryHostInputs) => (await provider.create(news, operationContext())).outs;
    const known = () => state as unknown as RegistryHostOutputs;
    expect(await through(inputs)).toBeGreaterThan(10);
    expect(await differences(known())).toEqual([]);
    const { certificate: chain, key } = await issue();
    writeHostImage(archive, "2");
    expect(await through({ ...inputs, chain, key, rotate: "1", deleteContent: true })).toBeGreaterThan(10);
    expect(await differences(known())).toEqual([]);
    expect(known().accounts.puller.username).toBe("puller-2");
    expect(await throughLostConnections(host, () => provider.remove(known(), operationContext()))).toBeGreaterThan(3);
    expect(existsSync(inputs.directory)).toBe(false);
    expect(host.state).toMatchObject({ containers: {}, active: [], tables: {} });
});
