import type { ClusterRolloutOutputs } from "../../dynamic-providers/cluster-rollout/kind";
import { clusterRolloutProvider } from "../../dynamic-providers/cluster-rollout/provider";
import { ALLOWED, FORBIDDEN, SOURCES } from "../support/access-cluster";
import { mirrorPair } from "../support/lab-rules";
import { ManualClock } from "../support/manual-clock";
import { RolloutCluster } from "../support/rollout-cluster";

const MINUTE = 60_000;

let cluster: RolloutCluster;

beforeAll(async () => {
    cluster = await RolloutCluster.start();
});
afterAll(() => cluster.stop());
beforeEach(() => cluster.reset());

/** The pools that have rolled out, and that every node has the configuration of its pool. */
async function expectAllNodes({ pools, behind }: ClusterRolloutOutputs): Promise<void> {
    expect(pools.map(({ pool, nodes }) => [pool, nodes]).sort()).toEqual([
        ["infra", 1],
        ["master", 3],
        ["worker", 2],
    ]);
    expect(behind).toEqual([]);
    const rolledOut = new Set(pools.map(({ configuration }) => configuration));
    const configurations = Object.values(await cluster.nodeConfigurations());
    expect(configurations).toHaveLength(6);
    expect(configurations.filter((configuration) => !rolledOut.has(configuration))).toEqual([]);
}

test("waits until every node of every pool has the rules, with the least rights; pools without nodes are done", async () => {
    await cluster.write(...ALLOWED);
    const before = await cluster.nodeConfigurations();
    const outs = await cluster.create();
    expect(cluster.clock.sleeps).toBeGreaterThan(2);
    await expectAllNodes(outs);
    expect(await cluster.nodeConfigurations()).not.toEqual(before);

    // A run that changes nothing passes at once; so does one after it that asks again.
    expect(clusterRolloutProvider.compare(outs, cluster.inputs())).toEqual({ changes: false });
    const { sleeps } = cluster.clock;
    await expectAllNodes(await cluster.create());
    expect(cluster.clock.sleeps).toBe(sleeps);
});

test("pools that say Updated have not started: their content counts", async () => {
    await cluster.write(...ALLOWED);
    cluster.clock.onSleep = () => undefined;
    await expect(cluster.create()).rejects.toMatchObject({
        code: "ROLLOUT_TIMEOUT",
        problem: expect.stringContaining(
            "the machine-config operator to take the rules of quay.io, registry.redhat.io for pools master, worker",
        ) as string,
        fix: expect.stringContaining("deploy/machine-config-controller") as string,
    });
    expect(cluster.clock.now()).toBe(10 * MINUTE);
});

test.each([
    ["a policy", FORBIDDEN],
    ["a source", mirrorPair(["docker.io", ...SOURCES], "AllowContactingSource")],
    ["another mirror", mirrorPair(SOURCES, "AllowContactingSource", "registry.lab.test:8443/other")],
])("%s that changes is waited for, although the nodes have the rules of before", async (_what, rules) => {
    await cluster.write(...ALLOWED);
    await cluster.create();
    await cluster.write(...rules);
    cluster.startRun();
    await expectAllNodes(await cluster.create({ rules: JSON.stringify(rules) }));
    expect(cluster.clock.sleeps).toBeGreaterThan(2);
});

test("a slow node is waited for", async () => {
    cluster.controllers.script = { slowNodes: { "worker-1": 40 } };
    await cluster.write(...ALLOWED);
    await expectAllNodes(await cluster.create());
    expect(cluster.clock.sleeps).toBeGreaterThan(20);
});

test("a node that degrades fails the run with the operator's message, and the next run continues", async () => {
    cluster.controllers.script = { degradedNodes: { "worker-0": "disk full" } };
    await cluster.write(...ALLOWED);
    await expect(cluster.create()).rejects.toMatchObject({
        code: "ROLLOUT_FAILED",
        problem: expect.stringContaining(
            "pool worker is degraded (Degraded; NodeDegraded: Node worker-0: disk full)",
        ) as string,
    });
    expect(cluster.clock.now()).toBeLessThan(2 * MINUTE);
    cluster.controllers.script = {};
    await cluster.controllers.settle();
    await expectAllNodes(await cluster.create());
});

test("a paused pool fails the run at once, and says how to resume it; the next run finishes", async () => {
    await cluster.pause("worker", true);
    await cluster.write(...ALLOWED);
    await expect(cluster.create()).rejects.toMatchObject({
        code: "ROLLOUT_FAILED",
        problem: expect.stringContaining("pool worker is paused") as string,
        fix: expect.stringContaining("oc patch machineconfigpool worker") as string,
    });
    expect(cluster.clock.sleeps).toBe(0);
    await cluster.pause("worker", false);
    await expectAllNodes(await cluster.create());
});

test("a paused pool whose nodes have the rules is no obstacle", async () => {
    await cluster.write(...ALLOWED);
    await cluster.controllers.settle();
    await cluster.pause("worker", true);
    await cluster.controllers.settle();
    await expectAllNodes(await cluster.create());
});

test("rules that the operator refuses: the wait names who disagrees, since the pools say Updated all the time", async () => {
    const [, tag] = mirrorPair(["quay.io"], "NeverContactSource");
    if (tag === undefined) throw new Error("no pair");
    await cluster.write(...ALLOWED, { ...tag, metadata: { name: "corp" } });
    await expect(cluster.create()).rejects.toMatchObject({
        code: "ROLLOUT_TIMEOUT",
        problem: expect.stringMatching(/which it refuses: ImageTagMirrorSet corp: .*quay\.io/) as string,
        fix: expect.stringContaining("take NeverContactSource for quay.io out of ImageTagMirrorSet corp") as string,
    });
    expect(cluster.clock.now()).toBe(10 * MINUTE);
    const kind = { apiVersion: "config.openshift.io/v1", kind: "ImageTagMirrorSet" };
    await cluster.server.admin.remove({ ...kind, metadata: { name: "corp" } });
    cluster.startRun();
    await expectAllNodes(await cluster.create());
});

test("controllers and an API server that restart in between are waited for", async () => {
    await cluster.write(...ALLOWED);
    let isDown = false;
    cluster.clock.onSleep = async (sleeps) => {
        if (sleeps === 2) {
            await cluster.server.kill();
            isDown = true;
        } else if (isDown && sleeps === 4) {
            await cluster.server.restart();
            isDown = false;
            // From here on the controllers are down for a while.
        } else if (!isDown && (sleeps < 2 || sleeps > 20)) await cluster.controllers.pass();
    };
    await expectAllNodes(await cluster.create());
    expect(cluster.clock.sleeps).toBeGreaterThan(20);
});

test("an interrupt ends the wait with its reason, and the next run finishes", async () => {
    await cluster.write(...ALLOWED);
    cluster.clock.onSleep = async (sleeps) => {
        await cluster.controllers.pass();
        if (sleeps === 2) cluster.interrupt();
    };
    await expect(cluster.create()).rejects.toThrow("interrupted");
    expect(cluster.clock.sleeps).toBe(2);
    cluster.startRun();
    await expectAllNodes(await cluster.create());
});

test("a time limit ends the wait, and says what was missing; the next run continues", async () => {
    cluster.controllers.script = { slowNodes: { "master-1": 150 } };
    await cluster.write(...ALLOWED);
    await expect(cluster.create({ minutes: 5 })).rejects.toMatchObject({
        code: "ROLLOUT_TIMEOUT",
        problem: expect.stringMatching(
            /^after 5 minutes still waiting for .*master: 1 of 3 nodes, 1 unavailable \(master-1: Working\)/,
        ) as string,
        fix: expect.stringContaining("it continues to wait") as string,
    });
    expect(cluster.clock.now()).toBe(5 * MINUTE);
    cluster.controllers.script = {};
    await expectAllNodes(await cluster.create());
});

test("without waiting: the operator takes the rules, and a refresh finds when the nodes have them", async () => {
    await cluster.pause("worker", true);
    await cluster.write(...ALLOWED);
    const outs = await cluster.create({ wait: false, forbidLater: ["quay.io"] });
    expect(outs.behind).toEqual([expect.stringContaining("pool worker is paused")]);
    expect(outs.pools.map(({ pool }) => pool)).not.toContain("worker");
    expect(cluster.lines.join("\n")).toContain("run `npm run up` again when every node has the rules");
    expect(clusterRolloutProvider.compare(outs, cluster.inputs({ wait: false }))).toEqual({ changes: true });

    expect((await cluster.refresh(outs)).behind).toEqual(outs.behind);
    await cluster.pause("worker", false);
    await cluster.controllers.settle();
    const found = await cluster.refresh(outs);
    await expectAllNodes(found);
    expect(clusterRolloutProvider.compare(found, cluster.inputs({ wait: false }))).toEqual({ changes: false });
});

test("without waiting: rules that the operator does not take fail the run", async () => {
    cluster.controllers.script = { acceptsRules: false };
    await cluster.write(...ALLOWED);
    await expect(cluster.create({ wait: false })).rejects.toMatchObject({ code: "ROLLOUT_TIMEOUT" });
});

test("a refresh finds nodes that have lost the rules, and the next run waits until they have them again", async () => {
    await cluster.write(...ALLOWED);
    const outs = await cluster.create();
    expect((await cluster.refresh(outs)).differences).toEqual([]);
    const [digest] = ALLOWED;
    if (digest === undefined) throw new Error("no pair");
    await cluster.server.admin.remove(digest);
    await cluster.controllers.settle();
    const found = await cluster.refresh(outs);
    expect(found.differences).toHaveLength(3);
    expect(found.differences.join("\n")).toMatch(
        /the nodes of pool worker lack the rules of quay\.io, registry\.redhat\.io \(rendered-worker-/,
    );
    expect(cluster.lines.join("\n")).toContain("the next `npm run up` waits until they have them");
    expect(clusterRolloutProvider.compare(found, cluster.inputs())).toEqual({ changes: true });

    await cluster.write(...ALLOWED);
    cluster.clock = new ManualClock();
    cluster.clock.onSleep = async () => void (await cluster.controllers.pass());
    await expectAllNodes(await clusterRolloutProvider.update(found, cluster.inputs(), cluster.context()));
});

test("a preview names pools, nodes and the time, and what keeps nodes from the rules", async () => {
    const { describeChanges } = clusterRolloutProvider;
    await cluster.pause("worker", true);
    await describeChanges?.({}, cluster.inputs(), cluster.context());
    expect(cluster.lines[0]).toBe(
        "cluster: waits for at most 60 minutes until every node has the rules; pools take them at the same time: " +
            "infra (1 node, 1 at a time), master (3 nodes, 1 at a time), worker (2 nodes, 1 at a time)",
    );
    expect(cluster.lines[1]).toMatch(
        /pool worker is paused: .*fails after it has written the rules; resume it with: oc patch/,
    );
    cluster.lines.length = 0;
    await describeChanges?.(cluster.inputs(), cluster.inputs({ minutes: 90 }), cluster.context());
    expect(cluster.lines).toEqual([]);
});
