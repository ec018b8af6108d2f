import { isSameStack } from "../../lib/openshift";
import { clusterError, clusterLine, clusterName } from "../cluster/cluster-name";
import { withCluster, withReadableCluster } from "../cluster/connection";
import { type CommonOutputs, changedInputs, comparedInputs, storedInputs } from "../lifecycle/resource-kind";
import { hasUnknown } from "../lifecycle/unknown-value";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import { type Assessment, assessCluster } from "./assess";
import { type ClusterAccessInputs, type ObjectIdentity, clusterAccessKind as kind } from "./kind";
import { unpinnedLine } from "./pins";
import { logAssessment, refuse } from "./report";

type ClusterAccessOutputs = ClusterAccessInputs & CommonOutputs;

/** Permissions do not change what is written: to grant one, no cluster needs to be reachable. Neither does what was former. */
const COMPARED = comparedInputs(kind, ["adopt", "allowRemoval", "oldRules", "formerOwners", "formerObjects"]);

/** A cluster's API can be used, and nothing in the cluster is against what is about to be written: checked before that. */
export const clusterAccessProvider: RegistryProvider<ClusterAccessInputs, ClusterAccessOutputs> = {
    ...kind,

    findInputs: async (olds, news, context) => {
        const former = { formerOwners: formerOwners(olds, news), formerObjects: formerObjects(olds, news) };
        const unpinned = unpinnedLine(olds, news);
        if (unpinned !== undefined) context.log.line("info", clusterLine(news, unpinned));
        const found = await preview({ ...news, ...former }, context);
        const neverSources = found?.neverSources ?? olds.neverSources;
        const { formerOwners: owners, formerObjects: objects } = found ?? former;
        return {
            ...news,
            ...(neverSources === undefined ? {} : { neverSources: [...neverSources] }),
            ...(owners.length === 0 ? {} : { formerOwners: [...owners] }),
            ...(objects.length === 0 ? {} : { formerObjects: [...objects] }),
        };
    },

    compare: (olds, news) => ({ changes: changedInputs(olds, news, COMPARED).length > 0 }),

    create: async (inputs, context) => ({ id: clusterName(inputs), outs: await check(inputs, context) }),

    update: async (_olds, news, context) => check(news, context),

    // State has nothing of the cluster: the check reads it, and a refresh of `ClusterTrust` reports one that is unreachable.
    read: async (olds) => ({ outs: olds, inputs: storedInputs<ClusterAccessInputs>(kind, olds) }),

    remove: async () => undefined,
};

/** The owners that this resource wrote before: its cluster had another name in the configuration, and in state until then. */
function formerOwners(olds: Partial<ClusterAccessInputs>, { owner }: Pick<ClusterAccessInputs, "owner">): string[] {
    const former = [...(olds.formerOwners ?? []), ...(olds.owner === undefined ? [] : [olds.owner])];
    return [...new Set(former)].filter((other) => other !== owner && isSameStack(other, owner));
}

/** The objects that this resource was responsible for before. An `up` that was killed may not have removed them yet. */
function formerObjects(olds: Partial<ClusterAccessInputs>, news: ClusterAccessInputs): string[] {
    const label = ({ kind: type, metadata }: ObjectIdentity) => `${type} ${metadata.name}`;
    const wanted = news.objects.map(label);
    const former = [...(olds.formerObjects ?? []), ...(olds.objects ?? []).map(label)];
    return [...new Set(former)].filter((other) => !wanted.includes(other));
}

/** @returns undefined if the cluster cannot be read, or rules or kubeconfig are not known before the update */
async function preview(news: ClusterAccessInputs, context: RegistryContext): Promise<Assessment | undefined> {
    if (hasUnknown(news.rules)) return undefined;
    const otherwise = "compared with the last applied state";
    const found = await withReadableCluster(news, context, (client) => assessCluster(client, news), { otherwise });
    if (found === undefined) return undefined;
    logAssessment(found, news, context.log);
    refuse(found, news);
    return found;
}

/** The preview's check again, right before the first write. */
async function check(inputs: ClusterAccessInputs, context: RegistryContext): Promise<ClusterAccessOutputs> {
    const found = await withCluster(inputs, context, (client) => assessCluster(client, inputs));
    refuse(found, inputs);
    const changed = (inputs.neverSources ?? []).filter((source) => !found.neverSources.includes(source));
    if (changed.length > 0) {
        throw clusterError(inputs, `mirror rules of ${changed.join(", ")} have changed since the preview`, {
            code: "CLUSTER_CHANGED",
            fix: "run up again",
        });
    }
    // The preview may not have read the cluster: what it forbids already stays forbidden.
    return { ...inputs, neverSources: inputs.neverSources ?? [...found.neverSources] };
}
