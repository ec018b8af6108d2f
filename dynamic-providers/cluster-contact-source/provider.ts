import { clusterError, clusterName } from "../cluster/cluster-name";
import { refusalFix, refusalText } from "../cluster-coverage/report";
import { storedInputs } from "../lifecycle/resource-kind";
import type { RegistryProvider } from "../registry/registry-process";
import {
    type ClusterContactSourceInputs,
    type ClusterContactSourceOutputs,
    clusterContactSourceKind as kind,
} from "./kind";

/** No source stays allowed that the site wants to forbid, except those that wait for nodes. */
export const clusterContactSourceProvider: RegistryProvider<ClusterContactSourceInputs, ClusterContactSourceOutputs> = {
    ...kind,

    compare: (olds, news) => ({ changes: olds.cluster !== news.cluster || news.refused.length > 0 }),

    create: async (inputs) => ({ id: clusterName(inputs), outs: refuse(inputs) }),

    update: async (_olds, news) => refuse(news),

    read: async (olds) => ({ outs: olds, inputs: storedInputs<ClusterContactSourceInputs>(kind, olds) }),

    remove: async () => undefined,
};

/** @throws PassthroughError `CLUSTER_IMAGES_MISSING` if a source stays allowed because of missing images */
function refuse(inputs: ClusterContactSourceInputs): ClusterContactSourceInputs {
    if (inputs.refused.length === 0) return inputs;
    throw clusterError(inputs, refusalText(inputs.refused), {
        code: "CLUSTER_IMAGES_MISSING",
        fix: refusalFix(inputs.refused, inputs),
        isMultiline: true,
    });
}
