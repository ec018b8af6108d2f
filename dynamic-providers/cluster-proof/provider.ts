import { isSameMirrorBase } from "../../lib/mirror/mirror-reference";
import { clusterLine, clusterName } from "../cluster/cluster-name";
import { changedInputs, comparedInputs, storedInputs } from "../lifecycle/resource-kind";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import { type ClusterProofInputs, type ClusterProofOutputs, clusterProofKind as kind } from "./kind";
import { prove } from "./prove";

/** What does not change what is proven: how cluster and registry are reached, and whose pods they are. */
const COMPARED = comparedInputs(kind, [
    ...["registry", "credentials", "account", "connectionSecrets", "kubeconfig", "context", "version"],
    ...["owner", "namespace", "repositories"],
]);

/** The proof that nodes pull through the mirror; it runs again when something that it proves has changed. */
export const clusterProofProvider: RegistryProvider<ClusterProofInputs, ClusterProofOutputs> = {
    ...kind,

    describeChanges: async (olds, news, { log }) => {
        if (olds.registriesConf !== undefined && !isChanged(olds as ClusterProofInputs, news)) return;
        const text =
            "a node of each pool will pull test images that only the mirror has, in pods that are removed after it";
        log.line("info", clusterLine(news, text));
    },

    compare: (olds, news) => ({ changes: isChanged(olds, news) }),

    create: async (inputs, context) => ({ id: clusterName(inputs), outs: await run(inputs, context) }),

    update: async (_olds, news, context) => run(news, context),

    // What was proven once is nothing that a refresh could see.
    read: async (olds) => ({ outs: olds, inputs: storedInputs<ClusterProofInputs>(kind, olds) }),

    remove: async () => undefined,
};

function isChanged(olds: ClusterProofInputs, news: ClusterProofInputs): boolean {
    return (
        changedInputs(olds, news, COMPARED).length > 0 ||
        !isSameMirrorBase(olds.registry.mirrorBase, news.registry.mirrorBase) ||
        olds.registry.ca !== news.registry.ca
    );
}

async function run(inputs: ClusterProofInputs, context: RegistryContext): Promise<ClusterProofOutputs> {
    const results = await prove(inputs, context);
    const provenAt = new Date(context.process.clock.now()).toISOString();
    return { ...inputs, results, provenAt, provenWith: inputs.puller.username };
}
