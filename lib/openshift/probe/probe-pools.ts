import { type ClusterNode, hasCondition } from "../rollout/rollout-objects";
import type { LabelExpression, LabelSelector, SelectingPool } from "./probe-objects";

/** Nodes that are configured together, of which one proves the others. */
export interface ProbePool {
    /** Of the MachineConfigPool, or the role of the nodes: `worker`. */
    readonly name: string;
    /** Nodes that are ready, sorted. */
    readonly nodes: readonly string[];
    /** All its nodes. */
    readonly total: number;
}

const ROLE = "node-role.kubernetes.io/";
/** What nodes without a role are called. */
const NO_ROLE = "nodes";
const BUILT_IN = ["master", "worker"];

/**
 * The pools with their nodes, sorted by name. A node that several pools select belongs to the custom one, else to `master`
 * (machine-config-operator, pkg/helpers, GetPoolsForNode).
 * @param pools undefined where the cluster has no such kind: then nodes with the same role are a pool
 */
export function probePools(pools: readonly SelectingPool[] | undefined, nodes: readonly ClusterNode[]): ProbePool[] {
    const usable = nodes.filter(({ metadata: { labels } }) => (labels?.["kubernetes.io/os"] ?? "linux") === "linux");
    const poolOf = pools === undefined ? roleOf : (node: ClusterNode) => selectPool(pools, node);
    const names = pools === undefined ? usable.map(roleOf) : pools.map(({ metadata }) => metadata.name);
    return [...new Set(names)].sort().map((name) => {
        const members = usable.filter((node) => poolOf(node) === name);
        const ready = members.filter(({ status }) => hasCondition(status?.conditions, "Ready"));
        return { name, nodes: ready.map(({ metadata }) => metadata.name).sort(), total: members.length };
    });
}

function roleOf({ metadata: { labels } }: ClusterNode): string {
    const roles = Object.keys(labels ?? {})
        .filter((label) => label.startsWith(ROLE))
        .map((label) => label.slice(ROLE.length));
    // Both labels are on control-plane nodes of some releases.
    if (roles.includes("control-plane") || roles.includes("master")) return "control-plane";
    return roles.sort()[0] ?? NO_ROLE;
}

function selectPool(pools: readonly SelectingPool[], { metadata: { labels = {} } }: ClusterNode): string | undefined {
    const selecting = pools.filter(({ spec }) => matches(spec.nodeSelector, labels)).map((pool) => pool.metadata.name);
    const custom = selecting.filter((name) => !BUILT_IN.includes(name)).sort();
    return custom[0] ?? BUILT_IN.find((name) => selecting.includes(name));
}

type Labels = Readonly<Record<string, string>>;

/** meta/v1 LabelSelectorAsSelector: none matches nothing, an empty one everything. */
function matches(selector: LabelSelector | null | undefined, labels: Labels): boolean {
    if (!selector) return false;
    const { matchLabels, matchExpressions } = selector;
    return (
        Object.entries(matchLabels ?? {}).every(([key, value]) => labels[key] === value) &&
        (matchExpressions ?? []).every((expression) => holds(expression, labels))
    );
}

function holds({ key, operator, values }: LabelExpression, labels: Labels): boolean {
    const value = labels[key];
    const isListed = value !== undefined && (values ?? []).includes(value);
    if (operator === "In") return isListed;
    if (operator === "NotIn") return !isListed;
    if (operator === "Exists") return value !== undefined;
    return operator === "DoesNotExist" && value === undefined;
}
