import { type NodeExpectation, checkNodes } from "../../../lib/openshift/rollout/check-nodes";
import { type ConfigMap, type DaemonSet, ROLLOUT_PATHS } from "../../../lib/openshift/rollout/rollout-objects";
import { waitForNodes } from "../../../lib/openshift/rollout/wait-for-nodes";
import { entryHash, pullEntry } from "../../../lib/openshift/trust/pull-secret";
import { ManualClock } from "../../support/manual-clock";
import { MemoryCluster } from "../../support/memory-cluster";
import { controllerConfig, machineConfig, node, pool } from "../../support/rollout-objects";

const CA = { key: "registry.test..8443", pem: "pem\n" };
const ENTRY = pullEntry({ username: "puller", password: "secret-1" });
const PULL_ENTRY = { key: "registry.test:8443", hash: entryHash(ENTRY) };
const KUBELET = "/var/lib/kubelet/config.json";

let cluster: MemoryCluster;
let clock: ManualClock;
let progress: string[];

beforeEach(() => {
    [cluster, clock, progress] = [new MemoryCluster(), new ManualClock(), []];
    cluster.put(ROLLOUT_PATHS.controllerConfigs, controllerConfig("", { [CA.key]: CA.pem }));
    const version = cluster.peek(ROLLOUT_PATHS.controllerConfigs, "machine-config-controller")?.metadata
        .resourceVersion;
    for (const name of ["a", "b"]) cluster.put(ROLLOUT_PATHS.nodes, node(name, version));
    for (const name of ["master", "worker"]) {
        cluster.put(ROLLOUT_PATHS.pools, pool(name));
        const secret = `{"auths":{"${PULL_ENTRY.key}":${ENTRY}}}`;
        cluster.put(ROLLOUT_PATHS.machineConfigs, machineConfig(`rendered-${name}-1`, { [KUBELET]: secret }));
    }
});

const wait = (expectation: NodeExpectation, signal = new AbortController().signal) =>
    waitForNodes(cluster, expectation, { signal, clock, onProgress: (text) => progress.push(text) });
const BOTH: NodeExpectation = { ca: CA, pullEntry: PULL_ENTRY };

test("nothing has changed: returns at once", async () => {
    await wait(BOTH);
    expect(clock.sleeps).toBe(0);
    expect(progress).toEqual([]);
});

test("waits for every node and pool, and shows how far they are", async () => {
    cluster.put(ROLLOUT_PATHS.nodes, node("b", "0"));
    cluster.put(
        ROLLOUT_PATHS.pools,
        pool("worker", { conditions: { Updated: "False", Updating: "True" }, updated: 1 }),
    );
    clock.onSleep = (sleeps) => {
        const synced = cluster.peek(ROLLOUT_PATHS.controllerConfigs, "machine-config-controller")?.metadata
            .resourceVersion;
        if (sleeps === 2) cluster.put(ROLLOUT_PATHS.nodes, node("b", synced));
        if (sleeps === 4) cluster.put(ROLLOUT_PATHS.pools, pool("worker"));
    };
    await wait(BOTH);
    expect(clock.sleeps).toBe(4);
    expect([...new Set(progress)]).toEqual([
        "waiting for CA: 1 of 2 nodes (not yet b); worker: 1 of 3 nodes",
        "waiting for worker: 1 of 3 nodes",
    ]);
});

test("a ControllerConfig that changes in between is compared with the nodes anew", async () => {
    cluster.put(ROLLOUT_PATHS.nodes, node("b", "0"));
    clock.onSleep = (sleeps) => {
        if (sleeps === 1)
            cluster.put(ROLLOUT_PATHS.controllerConfigs, controllerConfig("", { [CA.key]: CA.pem, other: "x" }));
        const synced = cluster.peek(ROLLOUT_PATHS.controllerConfigs, "machine-config-controller")?.metadata
            .resourceVersion;
        if (sleeps === 3) for (const name of ["a", "b"]) cluster.put(ROLLOUT_PATHS.nodes, node(name, synced));
    };
    await wait({ ca: CA });
    expect(clock.sleeps).toBe(3);
});

test("fails at once if a pool will not get there", async () => {
    cluster.put(ROLLOUT_PATHS.pools, pool("worker", { wanted: "rendered-worker-2", paused: true }));
    await expect(wait(BOTH)).rejects.toMatchObject({
        code: "ROLLOUT_FAILED",
        place: { cluster: "https://api.test:6443" },
        problem: expect.stringContaining("pool worker is paused") as string,
        fix: expect.stringContaining("oc patch machineconfigpool worker") as string,
    });
    expect(clock.sleeps).toBe(0);
});

test("an API that cannot be read is neither done nor failed", async () => {
    cluster.beforeCall = (call) => {
        if (call === "list nodes" && clock.sleeps < 3) throw new Error("connect ECONNREFUSED");
    };
    await wait(BOTH);
    expect(clock.sleeps).toBe(3);
    expect(progress[0]).toBe("waiting for the cluster's API, which could not be read: connect ECONNREFUSED");
});

test("what stays unreadable ends the wait with that reason", async () => {
    cluster.beforeCall = () => {
        throw new Error("connect ECONNREFUSED");
    };
    await expect(wait(BOTH)).rejects.toMatchObject({
        code: "ROLLOUT_TIMEOUT",
        problem: expect.stringMatching(/^after 10 minutes .* could not be read: connect ECONNREFUSED$/) as string,
        fix: expect.stringContaining("API server can be reached") as string,
    });
    expect(clock.now()).toBe(10 * 60_000);
});

test("an operator that does not take the change is waited for 10 minutes", async () => {
    cluster.put(ROLLOUT_PATHS.machineConfigs, machineConfig("rendered-worker-1", { [KUBELET]: '{"auths":{}}' }));
    await expect(wait(BOTH)).rejects.toMatchObject({
        code: "ROLLOUT_TIMEOUT",
        fix: expect.stringContaining("deploy/machine-config-controller") as string,
    });
    expect(clock.now()).toBe(10 * 60_000);
});

test.each([
    [2, 60],
    [10, 150],
])("a pool of %d nodes is waited for %d minutes", async (machines, minutes) => {
    const updating = { Updated: "False", Updating: "True" };
    cluster.put(ROLLOUT_PATHS.pools, pool("worker", { machines, updated: 1, conditions: updating }));
    await expect(wait(BOTH)).rejects.toMatchObject({
        code: "ROLLOUT_TIMEOUT",
        problem: `after ${minutes} minutes still waiting for worker: 1 of ${machines} nodes`,
    });
    expect(clock.now()).toBe(minutes * 60_000);
});

test("an interrupt ends the wait with its reason", async () => {
    cluster.put(ROLLOUT_PATHS.nodes, node("b", "0"));
    const controller = new AbortController();
    clock.onSleep = () => controller.abort(new Error("interrupted"));
    await expect(wait(BOTH, controller.signal)).rejects.toThrow("interrupted");
    expect(clock.sleeps).toBe(1);
});

test("the CA alone moves no pool: a paused one is no obstacle", async () => {
    cluster.put(ROLLOUT_PATHS.pools, pool("worker", { wanted: "rendered-worker-2", paused: true }));
    expect(await checkNodes(cluster, { ca: CA })).toEqual({ state: "done" });
});

test("a cluster without a machine-config operator is named, with what to do", async () => {
    const expected = expect.objectContaining({
        state: "failed",
        problem: expect.stringContaining("no machine-config operator") as string,
    }) as object;
    expect(await checkNodes(new MemoryCluster(), { ca: CA })).toEqual(expected);
    expect(await checkNodes(new MemoryCluster(), { pullEntry: PULL_ENTRY })).toEqual(expected);
});

test("rendered configurations are read once, since their names have their hash", async () => {
    cluster.put(ROLLOUT_PATHS.nodes, node("b", "0"));
    clock.onSleep = (sleeps) => {
        const synced = cluster.peek(ROLLOUT_PATHS.controllerConfigs, "machine-config-controller")?.metadata
            .resourceVersion;
        if (sleeps === 3) cluster.put(ROLLOUT_PATHS.nodes, node("b", synced));
    };
    await wait(BOTH);
    expect(cluster.calls.filter((call) => call.startsWith("get machineconfigs/"))).toHaveLength(2);
});

test("up to 4.13 the image registry's DaemonSet brings the CA", async () => {
    const { registryConfigMaps, registryDaemonSets } = ROLLOUT_PATHS;
    const metadata = { name: "image-registry-certificates", namespace: registryConfigMaps.namespace };
    cluster.put<ConfigMap>(registryConfigMaps, { metadata, data: { [CA.key]: CA.pem } });
    cluster.put<DaemonSet>(registryDaemonSets, {
        metadata: { name: "node-ca", namespace: registryDaemonSets.namespace, generation: 1 },
        status: { observedGeneration: 1, desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberReady: 2 },
    });
    for (const name of ["a", "b"]) cluster.put(ROLLOUT_PATHS.nodes, node(name, undefined));
    expect(await checkNodes(cluster, { ca: CA, version: "4.13.5" })).toEqual({ state: "done" });
    expect(await checkNodes(cluster, { ca: CA, version: "4.14.0" })).toMatchObject({ state: "waiting" });
});
