import { type NodeExpectation, checkNodes } from "../../../lib/openshift/rollout/check-nodes";
import { readPoolRules } from "../../../lib/openshift/rollout/pool-rules";
import { ROLLOUT_PATHS } from "../../../lib/openshift/rollout/rollout-objects";
import { waitForNodes } from "../../../lib/openshift/rollout/wait-for-nodes";
import type { MirrorObject } from "../../../lib/openshift";
import { registriesConf } from "../../../lib/openshift/rules/registries-conf";
import { formatRegistriesConf } from "../../../lib/openshift/rules/registries-toml";
import type { KubernetesObject } from "../../../lib/kubernetes/cluster-client";
import { mirrorPair, mirrorPolicy } from "../../support/lab-rules";
import { ManualClock } from "../../support/manual-clock";
import { MemoryCluster } from "../../support/memory-cluster";
import { type PoolDifference, machineConfig, node, pool } from "../../support/rollout-objects";

const CONF = "/etc/containers/registries.conf";
const CONFIG = "config.openshift.io/v1";
const SOURCES = ["quay.io", "registry.redhat.io"];
const ALLOWED = mirrorPair(SOURCES, "AllowContactingSource");
const FORBIDDEN = mirrorPair(SOURCES, "NeverContactSource");
const DONE = { state: "done" };

let cluster: MemoryCluster;

beforeEach(() => {
    cluster = new MemoryCluster();
    putVersion("4.16.20");
    putImage({});
    for (const name of ["master", "worker", "infra"]) putPool(name);
    generate(ALLOWED);
    render("1", ALLOWED);
});

function putVersion(version: string): void {
    const path = { apiVersion: CONFIG, resource: "clusterversions" };
    const status = { history: [{ state: "Completed", version }] };
    cluster.put<KubernetesObject & { status: object }>(path, { metadata: { name: "version" }, status });
}

function putImage(registrySources: object): void {
    const path = { apiVersion: CONFIG, resource: "images" };
    const spec = { registrySources };
    cluster.put<KubernetesObject & { spec: object }>(path, { metadata: { name: "cluster" }, spec });
}

function putPool(name: string, difference: PoolDifference = {}): void {
    cluster.put(ROLLOUT_PATHS.pools, pool(name, difference));
}

const confText = (objects: readonly MirrorObject[], version?: string) =>
    formatRegistriesConf(registriesConf(objects, version));

/** What the operator generates for the pools that it makes rules for. */
function generate(objects: readonly MirrorObject[], version?: string): void {
    for (const name of ["master", "worker"]) {
        const files = { [CONF]: confText(objects, version) };
        cluster.put(ROLLOUT_PATHS.machineConfigs, machineConfig(`99-${name}-generated-registries`, files));
    }
}

/** What the operator renders for every pool. @param hash the end of its name */
function render(hash: string, objects: readonly MirrorObject[], version?: string): void {
    for (const name of ["master", "worker", "infra"]) {
        const files = { [CONF]: confText(objects, version) };
        cluster.put(ROLLOUT_PATHS.machineConfigs, machineConfig(`rendered-${name}-${hash}`, files));
    }
}

const check = (rules: readonly MirrorObject[], options: NodeExpectation = {}) =>
    checkNodes(cluster, { ...options, rules });

test("nodes that have the rules are done", async () => {
    expect(await check(ALLOWED)).toEqual(DONE);
});

test("others' rules beside ours, and others' mirrors of our sources, are no difference", async () => {
    const others = mirrorPair(["quay.io", "docker.io"], "AllowContactingSource", "other.test/mirror").map((object) => ({
        ...object,
        metadata: { name: "corp" },
    }));
    generate([...ALLOWED, ...others]);
    render("1", [...ALLOWED, ...others]);
    expect(await check(ALLOWED)).toEqual(DONE);
});

test("pools that are up to date with what they want have not started while the operator has not taken the rules", async () => {
    expect(await check(FORBIDDEN)).toMatchObject({
        state: "waiting",
        stage: "operator",
        waitingFor: [
            "the machine-config operator to take the rules of quay.io, registry.redhat.io for pools master, worker",
        ],
    });
});

test("rules that are generated and not rendered are waited for, with who may have replaced them", async () => {
    generate(FORBIDDEN);
    expect(await check(FORBIDDEN)).toMatchObject({
        stage: "operator",
        waitingFor: expect.arrayContaining([
            "pool infra: a configuration with the rules of quay.io, registry.redhat.io",
        ]) as string[],
        fix: expect.stringContaining(
            "MachineConfig of somebody else that writes /etc/containers/registries.conf",
        ) as string,
    });
});

test("rules that are rendered are waited for until every pool, also a custom one, has rolled them out", async () => {
    generate(FORBIDDEN);
    render("2", FORBIDDEN);
    const conditions = { Updated: "False", Updating: "True" };
    for (const name of ["master", "worker"]) putPool(name, { wanted: `rendered-${name}-2`, has: `rendered-${name}-2` });
    putPool("infra", { wanted: "rendered-infra-2", has: "rendered-infra-1", conditions, updated: 1, unavailable: 1 });
    const annotated = (name: string, current: string, state: string) => {
        const prefix = "machineconfiguration.openshift.io";
        const annotations = {
            [`${prefix}/currentConfig`]: current,
            [`${prefix}/desiredConfig`]: "rendered-infra-2",
            [`${prefix}/state`]: state,
        };
        cluster.put(ROLLOUT_PATHS.nodes, { ...node(name, undefined), metadata: { name, annotations } });
    };
    annotated("infra-0", "rendered-infra-2", "Done");
    annotated("infra-1", "rendered-infra-1", "Working");
    expect(await check(FORBIDDEN)).toEqual({
        state: "waiting",
        stage: "nodes",
        waitingFor: ["infra: 1 of 3 nodes, 1 unavailable (infra-1: Working)"],
    });
    putPool("infra", { wanted: "rendered-infra-2", has: "rendered-infra-2" });
    expect(await check(FORBIDDEN)).toEqual(DONE);
});

test.each([
    ["a mirror for tags", ALLOWED.slice(0, 1)],
    ["a mirror for digests", ALLOWED.slice(1)],
    ["a source", mirrorPair(["quay.io"], "AllowContactingSource")],
    ["the mirror of a source", mirrorPair(SOURCES, "AllowContactingSource", "registry.lab.test:8443/other")],
    ["the policy", FORBIDDEN],
])("a file that has another content is waited for: %s", async (_what, found) => {
    generate(found);
    expect(await check(ALLOWED)).toMatchObject({ state: "waiting", stage: "operator" });
});

test("a source that Image/cluster blocks is expected to be blocked", async () => {
    putImage({ blockedRegistries: ["quay.io"] });
    expect(await check(ALLOWED)).toMatchObject({ state: "waiting" });
    const blocked = mirrorPair(["quay.io"], "NeverContactSource").concat(
        mirrorPair(["registry.redhat.io"], "AllowContactingSource").map((object) => ({
            ...object,
            metadata: { name: "b" },
        })),
    );
    generate(blocked);
    render("1", blocked);
    expect(await check(ALLOWED)).toEqual(DONE);
});

test("up to 4.12 a policy is compared with the setting of the whole source", async () => {
    putVersion("4.12.40");
    const policy = [mirrorPolicy(SOURCES)];
    expect(await check(policy)).toMatchObject({ state: "waiting" });
    generate(policy, "4.12.40");
    render("1", policy, "4.12.40");
    expect(await check(policy)).toEqual(DONE);
});

test("an object of somebody else with another policy: the wait says that the operator refuses both", async () => {
    const [digest] = mirrorPair(["quay.io"], "NeverContactSource");
    if (digest === undefined) throw new Error("no pair");
    for (const object of [...ALLOWED, { ...digest, metadata: { name: "corp" } }]) {
        const resource = object.kind === "ImageTagMirrorSet" ? "imagetagmirrorsets" : "imagedigestmirrorsets";
        cluster.put({ apiVersion: CONFIG, resource }, object as KubernetesObject);
    }
    generate([]);
    expect(await check(ALLOWED)).toMatchObject({
        stage: "operator",
        waitingFor: expect.arrayContaining([
            expect.stringMatching(/which it refuses: ImageDigestMirrorSet corp: .*quay\.io/),
        ]) as string[],
        fix: expect.stringContaining("take NeverContactSource for quay.io out of ImageDigestMirrorSet corp") as string,
    });
});

test("a paused or degraded pool is a failure only while its nodes lack the rules", async () => {
    putPool("worker", { paused: true });
    expect(await check(ALLOWED)).toEqual(DONE);
    expect(await check(FORBIDDEN)).toMatchObject({
        state: "failed",
        problem: expect.stringContaining("worker is paused") as string,
    });
    putPool("worker", { conditions: { Degraded: "True" }, message: "disk full" });
    expect(await check(FORBIDDEN)).toMatchObject({
        state: "failed",
        problem: expect.stringContaining("disk full") as string,
    });
});

test("a pool without nodes is done; without any pool nothing is known", async () => {
    for (const name of ["master", "worker", "infra"]) putPool(name, { machines: 0, wanted: "rendered-none" });
    expect(await check(FORBIDDEN)).toEqual(DONE);
    for (const name of ["master", "worker", "infra"]) cluster.drop(ROLLOUT_PATHS.pools, name);
    expect(await check(ALLOWED)).not.toEqual(DONE);
});

test("what nodes have is told by pool: by what they have, and by what they are about to get", async () => {
    render("2", FORBIDDEN);
    putPool("worker", { wanted: "rendered-worker-2", has: "rendered-worker-1", conditions: { Updated: "False" } });
    putPool("empty", { machines: 0 });
    const found = await readPoolRules(cluster, ALLOWED);
    expect(found.map(({ pool: name }) => name).sort()).toEqual(["infra", "master", "worker"]);
    expect(found.find(({ pool: name }) => name === "worker")).toEqual({
        ...{ pool: "worker", nodes: 3, configuration: "rendered-worker-1", wanted: "rendered-worker-2" },
        ...{ lacking: [], lackingNext: SOURCES, isRolledOut: false },
    });
});

test("only the operator is waited for, where nodes are not", async () => {
    const clock = new ManualClock();
    const conditions = { Updated: "False", Updating: "True" };
    clock.onSleep = () => {
        generate(FORBIDDEN);
        render("2", FORBIDDEN);
        for (const name of ["master", "worker", "infra"])
            putPool(name, { wanted: `rendered-${name}-2`, has: `rendered-${name}-1`, conditions, updated: 0 });
    };
    const options = { signal: new AbortController().signal, onProgress: () => undefined, clock };
    const behind = await waitForNodes(cluster, { rules: FORBIDDEN }, { ...options, until: "operator" });
    expect(behind.map((text) => text.split(":")[0]).sort()).toEqual(["infra", "master", "worker"]);
    expect(clock.sleeps).toBe(1);
});

test("a limit of the whole wait replaces that by the number of nodes", async () => {
    putPool("worker", { conditions: { Updated: "False", Updating: "True" }, updated: 1 });
    const clock = new ManualClock();
    const options = { signal: new AbortController().signal, onProgress: () => undefined, clock };
    const wait = waitForNodes(cluster, { rules: ALLOWED }, { ...options, bounds: { totalMinutes: 3 } });
    await expect(wait).rejects.toMatchObject({ code: "ROLLOUT_TIMEOUT" });
    expect(clock.now()).toBe(3 * 60_000);
});
