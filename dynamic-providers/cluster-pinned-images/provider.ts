import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import { type PinState, areHeld, readPins } from "../../lib/openshift/pinned/read-pins";
import { takeOutOthers } from "../../lib/openshift/pinned/take-out-others";
import { waitForPins } from "../../lib/openshift/pinned/wait-for-pins";
import { clusterLine, clusterName } from "../cluster/cluster-name";
import { withCluster, withReadableCluster } from "../cluster/connection";
import { forbidLaterLine } from "../cluster/forbid-later";
import { showProgress, waitIfWanted } from "../cluster/show-wait";
import { changedInputs, comparedInputs, storedInputs } from "../lifecycle/resource-kind";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import {
    type ClusterPinnedImagesInputs,
    type ClusterPinnedImagesOutputs,
    type FilledPool,
    clusterPinnedImagesKind as kind,
} from "./kind";
import { differenceLines, previewLines } from "./report";

/** How long nodes are waited for, and what comes later, changes nothing that they have; nor do the files that say sizes. */
const COMPARED = comparedInputs(kind, ["version", "forbidLater", "wait", "minutes", "locks"]);
/** What is pinned where. */
const CONTENT = ["images", "sets"];

/** Every node has the images that are pinned on it: by what its daemon reports of the sets as they are now. */
export const clusterPinnedImagesProvider: RegistryProvider<ClusterPinnedImagesInputs, ClusterPinnedImagesOutputs> = {
    ...kind,

    // What is pinned is known; which state of the sets is written may not be.
    describesUnknown: true,
    describeChanges: async (olds, news, { log }) => {
        if (changedInputs(olds, news, CONTENT).length === 0) return;
        for (const line of await previewLines(olds, news)) log.line("info", clusterLine(news, line));
    },

    compare: (olds, news) => ({
        changes:
            changedInputs(olds, news, COMPARED).length > 0 || olds.behind.length > 0 || olds.differences.length > 0,
    }),

    create: async (inputs, context) => ({ id: clusterName(inputs), outs: await fill(inputs, context) }),

    update: async (_olds, news, context) => fill(news, context),

    read: async (olds, context) => {
        const inputs = storedInputs<ClusterPinnedImagesInputs>(kind, olds);
        const found = await withReadableCluster(olds, context, (client) => readPins(client, olds.sets), {
            otherwise: "its state stays as it is",
        });
        if (found === undefined) return { outs: olds, inputs };
        // What was not waited for is no difference, but what it is.
        if (olds.behind.length > 0) return { outs: { ...olds, ...caughtUp(olds, found, context) }, inputs };
        const differences = differenceLines(found);
        for (const difference of differences) context.log.line("warning", clusterLine(olds, difference));
        return { outs: { ...olds, differences }, inputs };
    },

    // The sets go with the objects; nodes may remove the images when they need the space.
    remove: async () => undefined,
};

async function fill(inputs: ClusterPinnedImagesInputs, context: RegistryContext): Promise<ClusterPinnedImagesOutputs> {
    return withCluster(inputs, context, async (client) => {
        await removeOthers(client, inputs, context);
        const behind = await waitForImages(client, inputs, context);
        const next = forbidLaterLine(inputs, behind, "the images");
        if (next !== undefined) context.log.line("info", clusterLine(inputs, next));
        const pools = filledPools(await readPins(client, inputs.sets));
        const filled = behind.length === 0 ? { filledAt: now(context) } : {};
        return { ...inputs, pools, ...filled, behind, differences: [] };
    });
}

async function removeOthers(
    client: ClusterClient,
    inputs: ClusterPinnedImagesInputs,
    { process: { clock }, signal, log }: RegistryContext,
): Promise<void> {
    const sets = await takeOutOthers(client, inputs.sets, inputs.images.split("\n"), { clock, signal });
    if (sets.length === 0) return;
    log.line("info", clusterLine(inputs, `images that are not of the site are taken out of ${sets.join(", ")}`));
}

/** @returns what nodes still lack; nothing if they were waited for */
function waitForImages(
    client: ClusterClient,
    inputs: ClusterPinnedImagesInputs,
    context: RegistryContext,
): Promise<readonly string[]> {
    const bounds = { totalMinutes: inputs.minutes };
    return waitIfWanted(inputs, context, (until) =>
        showProgress(context, (own) => waitForPins(client, inputs.sets, { bounds, until, ...own })),
    );
}

function filledPools({ pools }: PinState): FilledPool[] {
    return pools.flatMap(({ pool, nodes, holding, behind }) =>
        nodes === undefined || behind.length > 0 || holding < nodes ? [] : [{ pool, nodes }],
    );
}

/** Nothing is left to do for a run when all nodes have what it did not wait for. */
function caughtUp(
    olds: ClusterPinnedImagesOutputs,
    found: PinState,
    context: RegistryContext,
): Partial<ClusterPinnedImagesOutputs> {
    if (!areHeld(found)) return { behind: olds.behind };
    return { pools: filledPools(found), filledAt: now(context), behind: [] };
}

function now({ process }: RegistryContext): string {
    return new Date(process.clock.now()).toISOString();
}
