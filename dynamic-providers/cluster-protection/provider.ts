import { counted, listed } from "../../lib/errors/text";
import { clusterKey } from "../../lib/site";
import { clusterError, clusterName } from "../cluster/cluster-name";
import { type CommonOutputs, changedInputs, comparedInputs, storedInputs } from "../lifecycle/resource-kind";
import type { RegistryProvider } from "../registry/registry-process";
import { type ClusterProtectionInputs, clusterProtectionKind as kind } from "./kind";

type Outputs = ClusterProtectionInputs & CommonOutputs;

const COMPARED = comparedInputs(kind);
/** How many sources the refusal names. */
const MAX_SOURCES = 5;

/** Refuses to take away what a cluster pulls with: its nodes could pull nothing of the mirror any more. */
export const clusterProtectionProvider: RegistryProvider<ClusterProtectionInputs, Outputs> = {
    ...kind,

    compare: (olds, news) => ({ changes: changedInputs(olds, news, COMPARED).length > 0 }),

    create: async (inputs) => ({ id: clusterName(inputs), outs: inputs }),

    update: async (_olds, news) => news,

    read: async (olds) => ({ outs: olds, inputs: storedInputs(kind, olds) }),

    remove: async (olds, { process }) => {
        if (process.clusters.allowsRemoval(olds.cluster) ?? olds.allowRemoval) return;
        const sources = olds.sources.length === 0 ? "" : ` of ${listed(olds.sources, MAX_SOURCES)}`;
        throw clusterError(
            olds,
            `its mirror rules${olds.sources.length === 0 ? "" : ` (${counted(olds.sources.length, "source")})`} and its account at ` +
                `${olds.host} would be removed: from then on its nodes pull every image${sources} from upstream, and fail without internet`,
            {
                code: "CLUSTER_REMOVAL_REFUSED",
                fix: `set ${clusterKey({ name: olds.cluster })}.allowRemoval: true, run up once, and remove it then`,
            },
        );
    },
};
