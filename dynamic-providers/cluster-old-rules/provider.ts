import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import {
    type ObjectCopies,
    changeObjects,
    formatCopies,
    isPausedFor,
    oldObjectKey,
    parseCopies,
    planOldObjects,
    readExistingCluster,
    sourcesOf,
} from "../../lib/openshift";
import { readPools } from "../../lib/openshift/rollout/check-nodes";
import { declaredImages } from "../cluster-coverage/assess";
import { clusterError, clusterLine, clusterName } from "../cluster/cluster-name";
import { withCluster, withReadableCluster } from "../cluster/connection";
import { showWait } from "../cluster/show-wait";
import { changedInputs, storedInputs } from "../lifecycle/resource-kind";
import { hasUnknown } from "../lifecycle/unknown-value";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import { type OldRulesAssessment, assessOldRules, isChanging } from "./assess";
import { type ClusterOldRulesInputs, type ClusterOldRulesOutputs, clusterOldRulesKind as kind } from "./kind";
import { creationStep, describeSteps, logOldRules, refuseChange } from "./report";

/** A preview does not wait for a registry that is down. */
const QUICK_SECONDS = 3;

/**
 * Mirror objects that were there before ours. State has a copy of each before it is removed, so `keep` creates it again.
 */
export const clusterOldRulesProvider: RegistryProvider<ClusterOldRulesInputs, ClusterOldRulesOutputs> = {
    ...kind,

    findInputs: async (olds, news, context) => {
        const found = await preview(olds, news, context);
        if (found === undefined) return { ...news, ...(olds.copies === undefined ? {} : { copies: olds.copies }) };
        return { ...news, copies: formatCopies(found.plan.copies), steps: describeSteps(found) };
    },

    compare: (olds, news) => ({
        changes: (news.steps ?? []).length > 0 || changedInputs(olds, news, ["stages", "copies"]).length > 0,
    }),

    create: async (inputs, context) => ({ id: clusterName(inputs), outs: await run(inputs, undefined, context) }),

    update: async (olds, news, context) => run(news, olds.copies, context),

    // A check reads the cluster, and what it has; there is nothing else to refresh.
    read: async (olds) => ({ outs: olds, inputs: storedInputs<ClusterOldRulesInputs>(kind, olds) }),

    // The cluster keeps what it has; only what could create removed objects again is gone.
    remove: async (olds, context) => {
        await refusePaused(olds, context);
        const { log } = context;
        const removed = Object.keys(parseCopies(olds.copies)).filter((key) => olds.stages[key] === "remove");
        if (removed.length === 0) return;
        const text = `the copies of ${removed.join(", ")} leave the state: nothing creates them again`;
        log.line("warning", clusterLine(olds, text));
    },
};

/**
 * Nothing else resumes pools that a run, which was ended, has paused, nor completes what it has begun.
 * @throws PassthroughError `OLD_RULES_IN_USE`
 */
async function refusePaused(olds: ClusterOldRulesInputs, context: RegistryContext): Promise<void> {
    const otherwise = "and whether pools are paused for its old mirror objects is not known";
    const pools = await withReadableCluster(olds, context, readPools, { otherwise });
    const paused = (pools ?? []).filter((pool) => isPausedFor(pool, olds.owner));
    if (paused.length === 0) return;
    const names = paused.map(({ metadata }) => metadata.name).join(", ");
    throw clusterError(olds, `pools are paused since a run was ended while it changed old mirror objects: ${names}`, {
        code: "OLD_RULES_IN_USE",
        fix: "leave cluster.oldRules as it was and run up, which completes that change and resumes them; then take it out",
    });
}

/** @returns undefined if the cluster cannot be read, or something is not known before the update */
async function preview(
    olds: Partial<ClusterOldRulesOutputs>,
    news: ClusterOldRulesInputs,
    context: RegistryContext,
): Promise<OldRulesAssessment | undefined> {
    if (hasUnknown(news)) return undefined;
    const otherwise = "and what becomes of its old mirror objects is decided by `up`";
    const options = { willHave: declaredImages(news, context), retrySeconds: QUICK_SECONDS, isPreview: true };
    const found = await withReadableCluster(
        news,
        context,
        (client) => assessOldRules(client, news, olds.copies, context, options),
        { otherwise },
    );
    if (found !== undefined) logOldRules(found, { ...news, removed: olds.removed ?? [] }, context.log);
    return found;
}

/** @param former the copies that state has */
async function run(
    inputs: ClusterOldRulesInputs,
    former: string | undefined,
    context: RegistryContext,
): Promise<ClusterOldRulesOutputs> {
    return withCluster(inputs, context, async (client) => {
        const found = await assessOldRules(client, inputs, former, context);
        requireSame(inputs, found);
        if (isChanging(found.plan) || found.leftPaused.length > 0) await change(client, inputs, found, context);
        const copies = await currentCopies(client, inputs, found);
        const removed = removedObjects(copies, inputs, found);
        const doneAt = new Date(context.process.clock.now()).toISOString();
        return { ...inputs, copies: formatCopies(copies), steps: [], removed, doneAt };
    });
}

async function change(
    client: ClusterClient,
    inputs: ClusterOldRulesInputs,
    found: OldRulesAssessment,
    context: RegistryContext,
): Promise<void> {
    refuseChange(found, inputs);
    const { plan, rules, leftPaused } = found;
    const { version, minutes, owner } = inputs;
    await changeObjects(client, plan, {
        ...{ owner, rules, clock: context.process.clock, signal: context.signal },
        sources: leftPaused.length === 0 ? [] : sourcesOf(Object.values(plan.copies)),
        wait: async (expectation, until) => {
            const bounds = { totalMinutes: minutes };
            await showWait(client, { version, ...expectation }, { bounds, until }, context);
        },
    });
}

/**
 * An object that was changed since the preview is not the one whose removal was agreed to, and one that is gone since then was
 * not to be created.
 */
function requireSame(inputs: ClusterOldRulesInputs, { plan }: OldRulesAssessment): void {
    if (inputs.copies === undefined) return;
    const previewed = parseCopies(inputs.copies);
    const { steps } = inputs;
    const unforeseen = plan.create.filter((object) => steps?.includes(creationStep(object)) === false);
    const changed = [
        ...changedInputs(previewed, plan.copies, Object.keys(plan.copies)),
        ...unforeseen.map(oldObjectKey),
    ];
    if (changed.length === 0) return;
    throw clusterError(inputs, `${changed.join(", ")} has changed since the preview`, {
        code: "CLUSTER_CHANGED",
        fix: "run up again",
    });
}

/** What was created again is as the API server has it now. */
async function currentCopies(
    client: ClusterClient,
    { stages }: ClusterOldRulesInputs,
    { plan }: OldRulesAssessment,
): Promise<ObjectCopies> {
    if (plan.create.length === 0) return plan.copies;
    return planOldObjects(await readExistingCluster(client), stages, plan.copies).copies;
}

function removedObjects(
    copies: ObjectCopies,
    { stages }: ClusterOldRulesInputs,
    { plan }: OldRulesAssessment,
): string[] {
    const left = new Set(plan.copyFirst.map(oldObjectKey));
    return Object.keys(copies).filter((key) => stages[key] === "remove" && !left.has(key));
}
