import { PassthroughError, toProblem } from "../../lib/errors/errors";
import { formatProblem } from "../../lib/errors/format";
import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import type { ClientLimits } from "../../lib/kubernetes/limits";
import { hasUnknown } from "../lifecycle/unknown-value";
import type { RegistryContext } from "../registry/registry-process";
import type { ClusterInputs } from "./cluster-kind";
import { clusterName, namedError, withClusterKeys, withClusterName } from "./cluster-name";

/** Opens a resource's cluster for one operation and closes it after. What fails names the cluster. */
export async function withCluster<T>(
    inputs: ClusterInputs,
    context: RegistryContext,
    use: (client: ClusterClient) => Promise<T>,
): Promise<T> {
    return withClusterName(inputs, () => useCluster(inputs, context, use));
}

async function useCluster<T>(
    inputs: ClusterInputs,
    { process, signal }: RegistryContext,
    use: (client: ClusterClient) => Promise<T>,
    limits: Partial<ClientLimits> = {},
): Promise<T> {
    const client = await process.connectCluster({ ...process.clusters.connection(inputs), signal, limits });
    try {
        return await use(client);
    } finally {
        await client.close();
    }
}

/** A preview and a nightly check go on without the cluster: they do not wait for one that is down. */
const QUICK: Partial<ClientLimits> = {
    requestTimeout: 10_000,
    loginTimeout: 20_000,
    retry: { seconds: 3, firstDelay: 250, longestDelay: 1000 },
};

/**
 * The same for a preview or refresh: a cluster that cannot be read is no reason to fail, since the last applied state
 * still is what is known about it.
 * @param otherwise what the line that is logged then says beside the reason: "compared with the last applied state"
 * @returns undefined if it could not be read, or if its kubeconfig is not known yet because the program creates it
 * @throws what `use` throws with a code in `fatal`; the reason of an interrupt
 */
export async function withReadableCluster<T>(
    inputs: ClusterInputs,
    context: RegistryContext,
    use: (client: ClusterClient) => Promise<T>,
    { otherwise, fatal = [] }: { readonly otherwise: string; readonly fatal?: readonly string[] | "all" },
): Promise<T | undefined> {
    if (hasUnknown(context.process.clusters.connection(inputs))) return undefined;
    try {
        return await useCluster(inputs, context, use, QUICK);
    } catch (error) {
        context.signal.throwIfAborted();
        if (!(error instanceof PassthroughError) || fatal === "all" || fatal.includes(error.code))
            throw namedError(inputs, error);
        const reason = withClusterKeys(inputs, formatProblem(toProblem(error)));
        context.log.line("warning", `${clusterName(inputs)} could not be read, ${otherwise}: ${reason}`);
        return undefined;
    }
}
