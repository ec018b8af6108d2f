import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import { parseBoundedJson } from "../../lib/oci/bounded-json";
import type { MirrorObject } from "../../lib/openshift";
import { readPools } from "../../lib/openshift/rollout/check-nodes";
import { type PoolRules, readPoolRules } from "../../lib/openshift/rollout/pool-rules";
import { clusterLine, clusterName } from "../cluster/cluster-name";
import { withCluster, withReadableCluster } from "../cluster/connection";
import { forbidLaterLine } from "../cluster/forbid-later";
import { showWait, waitIfWanted } from "../cluster/show-wait";
import { changedInputs, comparedInputs, storedInputs } from "../lifecycle/resource-kind";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import {
    type ClusterRolloutInputs,
    type ClusterRolloutOutputs,
    type RolledOutPool,
    clusterRolloutKind as kind,
} from "./kind";
import { differenceLines, pausedLine, previewLine } from "./report";

/** How long nodes are waited for, and what comes later, changes nothing that they have. */
const COMPARED = comparedInputs(kind, ["version", "forbidLater", "wait", "minutes"]);

/** Every node of a cluster has the mirror rules: by content, since pools say nothing about what they have rolled out. */
export const clusterRolloutProvider: RegistryProvider<ClusterRolloutInputs, ClusterRolloutOutputs> = {
    ...kind,

    describeChanges: async (olds, news, context) => {
        if (changedInputs(olds, news, COMPARED).length > 0) await describeWait(news, context);
    },

    compare: (olds, news) => ({
        changes:
            changedInputs(olds, news, COMPARED).length > 0 || olds.behind.length > 0 || olds.differences.length > 0,
    }),

    create: async (inputs, context) => ({ id: clusterName(inputs), outs: await rollOut(inputs, context) }),

    update: async (_olds, news, context) => rollOut(news, context),

    read: async (olds, context) => {
        const inputs = storedInputs<ClusterRolloutInputs>(kind, olds);
        const found = await withReadableCluster(olds, context, (client) => readPoolRules(client, objectsOf(olds)), {
            otherwise: "its state stays as it is",
        });
        if (found === undefined) return { outs: olds, inputs };
        // What was not waited for is no difference, but what it is.
        if (olds.behind.length > 0) return { outs: { ...olds, ...caughtUp(olds, found, context) }, inputs };
        const differences = differenceLines(found);
        for (const difference of differences) {
            const then = `the next \`npm run up\` ${olds.wait ? "waits until they have them" : "looks again"}`;
            context.log.line("warning", clusterLine(olds, `${difference}; ${then}`));
        }
        return { outs: { ...olds, differences }, inputs };
    },

    remove: async () => undefined,
};

/** Logs what the update will wait for. Reads the cluster; one that cannot be read is one line. */
async function describeWait(news: ClusterRolloutInputs, context: RegistryContext): Promise<void> {
    const pools = await withReadableCluster(news, context, readPools, { otherwise: "so its nodes are not counted" });
    if (pools === undefined) return;
    context.log.line("info", clusterLine(news, previewLine(news, pools)));
    const paused = pausedLine(news, pools);
    if (paused !== undefined) context.log.line("warning", clusterLine(news, paused));
}

async function rollOut(inputs: ClusterRolloutInputs, context: RegistryContext): Promise<ClusterRolloutOutputs> {
    return withCluster(inputs, context, async (client) => {
        const behind = await waitForRules(client, inputs, context);
        const next = forbidLaterLine(inputs, behind, "the rules");
        if (next !== undefined) context.log.line("info", clusterLine(inputs, next));
        const pools = await readPoolRules(client, objectsOf(inputs));
        const rolledOut = behind.length === 0 ? { rolledOutAt: now(context) } : {};
        return { ...inputs, pools: rolledOutPools(pools), behind, differences: [], ...rolledOut };
    });
}

/** @returns what nodes still lack; nothing if they were waited for */
function waitForRules(
    client: ClusterClient,
    inputs: ClusterRolloutInputs,
    context: RegistryContext,
): Promise<readonly string[]> {
    const bounds = { totalMinutes: inputs.minutes };
    const expectation = { version: inputs.version, rules: objectsOf(inputs) };
    return waitIfWanted(inputs, context, (until) => showWait(client, expectation, { bounds, until }, context));
}

function objectsOf({ rules }: Pick<ClusterRolloutInputs, "rules">): readonly MirrorObject[] {
    return parseBoundedJson(rules) as readonly MirrorObject[];
}

function hasRolledOut({ isRolledOut, lacking }: PoolRules): boolean {
    return isRolledOut && lacking.length === 0;
}

function rolledOutPools(pools: readonly PoolRules[]): RolledOutPool[] {
    return pools.filter(hasRolledOut).map(({ pool, configuration, nodes }) => ({ pool, configuration, nodes }));
}

/** Nothing is left to do for a run when all nodes have what it did not wait for. */
function caughtUp(
    olds: ClusterRolloutOutputs,
    pools: readonly PoolRules[],
    context: RegistryContext,
): Partial<ClusterRolloutOutputs> {
    const isDone = pools.length > 0 && pools.every(hasRolledOut);
    if (!isDone) return { behind: olds.behind };
    return { pools: rolledOutPools(pools), behind: [], rolledOutAt: now(context) };
}

function now({ process }: RegistryContext): string {
    return new Date(process.clock.now()).toISOString();
}
