import { probePools } from "../../../../lib/openshift/probe/probe-pools";
import type { LabelSelector, SelectingPool } from "../../../../lib/openshift/probe/probe-objects";
import type { ClusterNode } from "../../../../lib/openshift/rollout/rollout-objects";

const ROLE = "node-role.kubernetes.io/";

function node(
    name: string,
    roles: readonly string[],
    labels: Record<string, string> = {},
    ready = "True",
): ClusterNode {
    const all = { ...Object.fromEntries(roles.map((role) => [`${ROLE}${role}`, ""])), ...labels };
    const conditions = [{ type: "Ready", status: ready }];
    return { apiVersion: "v1", kind: "Node", metadata: { name, labels: all }, status: { conditions } };
}

function pool(name: string, nodeSelector: LabelSelector | null): SelectingPool {
    const apiVersion = "machineconfiguration.openshift.io/v1";
    return { apiVersion, kind: "MachineConfigPool", metadata: { name }, spec: { nodeSelector } };
}

const byRole = (role: string) => pool(role, { matchLabels: { [`${ROLE}${role}`]: "" } });

test("a node that several pools select belongs to the custom one, else to master", () => {
    const nodes = [
        node("m", ["master", "control-plane"]),
        node("compact", ["master", "worker"]),
        node("w", ["worker"]),
        node("i", ["worker", "infra"]),
    ];
    expect(probePools(["worker", "master", "infra"].map(byRole), nodes)).toEqual([
        { name: "infra", nodes: ["i"], total: 1 },
        { name: "master", nodes: ["compact", "m"], total: 2 },
        { name: "worker", nodes: ["w"], total: 1 },
    ]);
});

test("a pool without nodes, and one without a ready node, are pools too", () => {
    const nodes = [node("w", ["worker"], {}, "Unknown")];
    expect(probePools(["worker", "master"].map(byRole), nodes)).toEqual([
        { name: "master", nodes: [], total: 0 },
        { name: "worker", nodes: [], total: 1 },
    ]);
});

test.each([
    ["In", { key: "zone", operator: "In", values: ["a", "b"] }, ["in-a"]],
    ["NotIn", { key: "zone", operator: "NotIn", values: ["a"] }, ["in-c", "nowhere"]],
    ["Exists", { key: "zone", operator: "Exists" }, ["in-a", "in-c"]],
    ["DoesNotExist", { key: "zone", operator: "DoesNotExist" }, ["nowhere"]],
    ["an operator that does not exist", { key: "zone", operator: "Gt", values: ["1"] }, []],
])("pools select by expressions: %s", (_name, expression, expected) => {
    const nodes = [node("in-a", [], { zone: "a" }), node("in-c", [], { zone: "c" }), node("nowhere", [])];
    expect(probePools([pool("edge", { matchExpressions: [expression] })], nodes)[0]?.nodes).toEqual(expected);
});

test("no selector selects nothing, an empty one everything", () => {
    const nodes = [node("n", [])];
    expect(probePools([pool("none", null)], nodes)[0]?.total).toBe(0);
    expect(probePools([pool("all", {})], nodes)[0]?.total).toBe(1);
});

test("without pools, nodes of one role are one; Windows nodes pull other images", () => {
    const nodes = [
        node("c", ["control-plane", "master"]),
        node("w", ["worker"]),
        node("plain", []),
        node("win", ["worker"], { "kubernetes.io/os": "windows" }),
    ];
    expect(probePools(undefined, nodes)).toEqual([
        { name: "control-plane", nodes: ["c"], total: 1 },
        { name: "nodes", nodes: ["plain"], total: 1 },
        { name: "worker", nodes: ["w"], total: 1 },
    ]);
});
