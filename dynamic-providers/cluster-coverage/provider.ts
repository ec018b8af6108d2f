import type { CoverageState } from "../../lib/passthrough";
import { clusterName } from "../cluster/cluster-name";
import { withCluster, withReadableCluster } from "../cluster/connection";
import { changedInputs, comparedInputs, storedInputs } from "../lifecycle/resource-kind";
import { hasUnknown } from "../lifecycle/unknown-value";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import { type CoverageAssessment, assessCoverage, declaredImages } from "./assess";
import {
    type ClusterCoverageInputs,
    type ClusterCoverageOutputs,
    type CoverageCounts,
    clusterCoverageKind as kind,
} from "./kind";
import { logCoverage, refusedSources } from "./report";

const COMPARED = comparedInputs(kind);
/** A preview does not wait for a registry that is down. */
const QUICK_SECONDS = 3;

/**
 * The mirror has every image in use of the sources that are to be forbidden. A preview counts what this run imports; right
 * before the first write, only what the mirror has counts.
 */
export const clusterCoverageProvider: RegistryProvider<ClusterCoverageInputs, ClusterCoverageOutputs> = {
    ...kind,

    findInputs: async (olds, news, context) => ({
        ...news,
        ...((await preview(news, context)) ?? lastDecision(olds, news)),
    }),

    // Outputs, which may be less than the inputs of the preview: then it is looked up again.
    compare: (olds, news) => ({ changes: changedInputs(olds, news, COMPARED).length > 0 }),

    create: async (inputs, context) => ({ id: clusterName(inputs), outs: await decide(inputs, context) }),

    update: async (_olds, news, context) => decide(news, context),

    // Workloads change without anybody changing the stack: that is no drift.
    read: async (olds) => ({ outs: olds, inputs: storedInputs<ClusterCoverageInputs>(kind, olds) }),

    remove: async () => undefined,
};

type Decision = Pick<ClusterCoverageInputs, "neverSources" | "refused">;

function lastDecision({ neverSources, refused }: Decision, { candidates }: ClusterCoverageInputs): Decision {
    if (candidates?.length === 0) return { neverSources: [], refused: [] };
    return {
        ...(neverSources === undefined ? {} : { neverSources: [...neverSources] }),
        ...(refused === undefined ? {} : { refused }),
    };
}

/** @returns undefined if the cluster cannot be read, or something is not known before the update */
async function preview(news: ClusterCoverageInputs, context: RegistryContext): Promise<Decision | undefined> {
    if (news.candidates === undefined || hasUnknown(news)) return undefined;
    const otherwise =
        "which images its objects name is not known, and contactSource: never stays as it was applied last";
    const found = await withReadableCluster(
        news,
        context,
        (client) =>
            assessCoverage(client, news, context, {
                willHave: declaredImages(news, context),
                retrySeconds: QUICK_SECONDS,
            }),
        { otherwise },
    );
    if (found === undefined) return undefined;
    logCoverage(found, news, context.log);
    return { neverSources: [...found.decision.neverSources], refused: refusedSources(found) };
}

async function decide(inputs: ClusterCoverageInputs, context: RegistryContext): Promise<ClusterCoverageOutputs> {
    const found = await withCluster(inputs, context, (client) => assessCoverage(client, inputs, context));
    const isLess = found.decision.neverSources.length < (inputs.neverSources ?? []).length;
    // The check has logged the rest.
    if (isLess) logCoverage(found, inputs, context.log);
    const counts = coverageCounts(found, context);
    return { ...inputs, neverSources: [...found.decision.neverSources], refused: refusedSources(found), counts };
}

function coverageCounts({ images }: CoverageAssessment, { process }: RegistryContext): CoverageCounts {
    const count = (wanted: CoverageState) => images.filter(({ state }) => state === wanted).length;
    const at = new Date(process.clock.now()).toISOString();
    return { at, images: images.length, missing: count("missing"), unknown: count("unknown") };
}
