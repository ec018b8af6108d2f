import { rolledOut } from "../../../lib/openshift/rollout/pool-rollout";
import { pullSecretRendered } from "../../../lib/openshift/rollout/pull-secret-rollout";
import { nodeCaRolledOut, trustSynced } from "../../../lib/openshift/rollout/trust-rollout";
import { entryHash, pullEntry } from "../../../lib/openshift/trust/pull-secret";
import { type PoolDifference, controllerConfig, machineConfig, node, pool } from "../../support/rollout-objects";

const DONE = { state: "done" };
const waiting = (text: unknown) => expect.objectContaining({ state: "waiting", waitingFor: [text] });
const failed = (problem: string) =>
    expect.objectContaining({ state: "failed", problem: expect.stringContaining(problem) as string });

describe("the CA", () => {
    const CA = { key: "registry.test..8443", pem: "-----BEGIN CERTIFICATE-----\nabc\n" };
    const bundle = { "other.test": "other", [CA.key]: CA.pem };

    test.each([
        ["there is no ControllerConfig", undefined, [], waiting(expect.stringContaining("ControllerConfig"))],
        [
            "the operator has no bundle",
            controllerConfig("7", undefined),
            [],
            waiting(expect.stringContaining("take the CA")),
        ],
        [
            "the operator has another CA",
            controllerConfig("7", { [CA.key]: "old" }),
            [],
            waiting(expect.stringContaining("take the CA")),
        ],
        ["every node has it", controllerConfig("7", bundle), [node("a", "7"), node("b", "7")], DONE],
        [
            "a node has an earlier state",
            controllerConfig("7", bundle),
            [node("a", "7"), node("b", "6")],
            waiting("CA: 1 of 2 nodes (not yet b)"),
        ],
        [
            "a node has a state that looks later",
            controllerConfig("7", bundle),
            [node("a", "70")],
            waiting("CA: 0 of 1 nodes (not yet a)"),
        ],
        [
            "a node has never synced",
            controllerConfig("7", bundle),
            [node("a", undefined)],
            waiting("CA: 0 of 1 nodes (not yet a)"),
        ],
        [
            "a node is not ready",
            controllerConfig("7", bundle),
            [node("a", "6", false)],
            waiting("CA: 0 of 1 nodes (not yet a, which is not ready)"),
        ],
    ])("from 4.14 on: %s", (_name, config, nodes, expected) => {
        expect(trustSynced(CA, config, nodes)).toEqual(expected);
    });

    test("nodes with Windows are not waited for", () => {
        const windows = node("win", undefined);
        const labels = { "kubernetes.io/os": "windows" };
        const nodes = [node("a", "7"), { ...windows, metadata: { ...windows.metadata, labels } }];
        expect(trustSynced(CA, controllerConfig("7", bundle), nodes)).toEqual(DONE);
    });

    test("a CA that was removed is waited for too", () => {
        const removed = { key: CA.key, pem: undefined };
        expect(trustSynced(removed, controllerConfig("7", bundle), [node("a", "7")])).toEqual(
            waiting(expect.stringContaining("take the CA")),
        );
        expect(trustSynced(removed, controllerConfig("8", {}), [node("a", "8")])).toEqual(DONE);
    });

    const certificates = (data: Record<string, string>) => ({
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "image-registry-certificates" },
        data,
    });
    const daemonSet = (generation: number, updated: number, ready: number) => ({
        apiVersion: "apps/v1",
        kind: "DaemonSet",
        metadata: { name: "node-ca", generation },
        status: {
            observedGeneration: 1,
            desiredNumberScheduled: 3,
            updatedNumberScheduled: updated,
            numberReady: ready,
        },
    });
    test.each([
        [
            "the registry's operator has not taken it",
            certificates({}),
            daemonSet(1, 3, 3),
            waiting(expect.stringContaining("take the CA")),
        ],
        ["there is no DaemonSet", certificates(bundle), undefined, waiting("DaemonSet node-ca")],
        ["the DaemonSet is up everywhere", certificates(bundle), daemonSet(1, 3, 3), DONE],
        ["a pod is not ready", certificates(bundle), daemonSet(1, 3, 2), waiting("DaemonSet node-ca: 2 of 3 nodes")],
        [
            "a pod is of the old version",
            certificates(bundle),
            daemonSet(1, 1, 3),
            waiting("DaemonSet node-ca: 1 of 3 nodes"),
        ],
        [
            "its controller lags behind",
            certificates(bundle),
            daemonSet(2, 3, 3),
            waiting("DaemonSet node-ca: 3 of 3 nodes"),
        ],
    ])("up to 4.13: %s", (_name, found, set, expected) => {
        expect(nodeCaRolledOut(CA, found, set)).toEqual(expected);
    });
});

describe("the pull secret", () => {
    const key = "registry.test:8443";
    const entry = pullEntry({ username: "puller", password: "secret-1" });
    const expected = { key, hash: entryHash(entry) };
    const secret = (value: string) => `{"auths":{"quay.io":{"auth":"x"},"${key}":${value}}}\n`;
    const rendered = (text: string) => machineConfig("rendered-worker-1", { "/var/lib/kubelet/config.json": text });

    test.each([
        ["it is rendered", rendered(secret(entry)), {}, DONE],
        ["it is rendered with other spacing", rendered(secret(entry.replace(":", " : "))), {}, DONE],
        [
            "the old account is rendered",
            rendered(secret('{"auth":"b2xk"}')),
            {},
            waiting(expect.stringContaining("new pull secret")),
        ],
        ["none is rendered", rendered('{"auths":{}}'), {}, waiting(expect.stringContaining("new pull secret"))],
        [
            "the file is elsewhere",
            machineConfig("rendered-worker-1", {}),
            {},
            waiting(expect.stringContaining("/var/lib/kubelet/config.json")),
        ],
        ["nothing is rendered", undefined, {}, waiting(expect.stringContaining("rendered configuration"))],
        [
            "the old account is rendered, and the pool is degraded",
            rendered(secret("{}")),
            { conditions: { RenderDegraded: "True" } },
            failed("degraded"),
        ],
        ["a pool has no nodes", undefined, { machines: 0 }, DONE],
    ])("%s", (_name, config, difference, result) => {
        expect(pullSecretRendered(expected, [pool("worker", difference)], () => config)).toEqual(result);
    });
});

describe("rolled out", () => {
    const updating = { Updated: "False", Updating: "True" };
    test.each<[string, PoolDifference, unknown]>([
        ["nothing has changed: passes at once", {}, DONE],
        [
            "some nodes have it",
            { wanted: "rendered-worker-2", updated: 1, conditions: updating },
            waiting("worker: 1 of 3 nodes"),
        ],
        [
            "a node is away",
            { wanted: "rendered-worker-2", updated: 1, unavailable: 1, conditions: updating },
            waiting("worker: 1 of 3 nodes, 1 unavailable"),
        ],
        ["the status is of another configuration", { wanted: "rendered-worker-2" }, waiting("worker: 3 of 3 nodes")],
        ["the status is of an earlier generation", { generation: 3, observed: 2 }, waiting("worker: 3 of 3 nodes")],
        ["not Updated", { conditions: { Updated: "False" } }, waiting("worker: 3 of 3 nodes")],
        ["still Updating", { conditions: { Updating: "True" } }, waiting("worker: 3 of 3 nodes")],
        ["a node is not ready", { ready: 2 }, waiting("worker: 3 of 3 nodes")],
        ["a node is unavailable", { unavailable: 1 }, waiting("worker: 3 of 3 nodes, 1 unavailable")],
        ["a node is degraded", { degraded: 1 }, waiting("worker: 3 of 3 nodes")],
        ["a pool without nodes", { machines: 0, wanted: "rendered-worker-2", conditions: updating }, DONE],
        [
            "Degraded",
            { conditions: { Degraded: "True" }, message: "node a: disk full" },
            failed("pool worker is degraded (Degraded: node a: disk full)"),
        ],
        ["NodeDegraded", { conditions: { ...updating, NodeDegraded: "True" } }, failed("NodeDegraded")],
        [
            "RenderDegraded",
            { wanted: "rendered-worker-2", conditions: { RenderDegraded: "True" } },
            failed("RenderDegraded"),
        ],
        [
            "paused with a change to come",
            { paused: true, wanted: "rendered-worker-2", conditions: { Updated: "False" } },
            failed("pool worker is paused"),
        ],
        ["paused, and has it", { paused: true }, DONE],
        ["conditions of image builds count for nothing", { conditions: { BuildFailed: "True" } }, DONE],
    ])("%s", (_name, difference, expected) => {
        expect(rolledOut([pool("master"), pool("worker", difference)])).toEqual(expected);
    });

    test.each([
        ["", waiting("worker: 2 of 3 nodes")],
        [', Node b is reporting: "disk full"', failed("pool worker is degraded")],
    ])("nodes that lack pinned images do not fail a rollout, other failures do: %j", (other, expected) => {
        const found = pool("worker", { conditions: { ...updating, Degraded: "True" }, updated: 2 });
        const lacks =
            "Node a references an invalid PinnedImageSet. See the node's MachineConfigNode resource for details.";
        const conditions = [
            ...(found.status?.conditions ?? []),
            { type: "PinnedImageSetsDegraded", status: "True" },
            { type: "NodeDegraded", status: "True", message: `${lacks}${other}` },
        ];
        expect(rolledOut([{ ...found, status: { ...found.status, conditions } }])).toEqual(expected);
    });

    test("a pool that was degraded before is waited for: the change may repair it", () => {
        const degraded = pool("worker", { conditions: { ...updating, Degraded: "True" }, updated: 2 });
        expect(rolledOut([degraded], { degradedBefore: ["worker"] })).toEqual(waiting("worker: 2 of 3 nodes"));
    });

    test("custom pools count", () => {
        const infra = pool("infra", { wanted: "rendered-infra-2", updated: 0, conditions: updating });
        expect(rolledOut([pool("worker"), infra])).toEqual(waiting("infra: 0 of 3 nodes"));
    });
});
