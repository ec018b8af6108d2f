import type { Clock } from "../../openshift/rollout/wait-for-nodes";
import { PassthroughError, toProblem } from "../../errors/errors";
import type { ClusterClient, KubernetesObject, ResourcePath } from "../../kubernetes/cluster-client";
import { type ProbePod, probePaths } from "../../openshift/probe/probe-objects";
import { type ProbeOwner, isOwnProbe, probeNamespace } from "../../openshift/probe/probe-pods";

export interface NamespaceOptions extends ProbeOwner {
    readonly clock: Clock;
    readonly signal: AbortSignal;
}

const POLL_MS = 2000;
/** Of a namespace that an earlier run has deleted. */
const TERMINATION_MINUTES = 5;

/**
 * Makes sure that the namespace is there, and that nothing of earlier runs is in it. One that exists is taken as it is.
 * @throws PassthroughError `PROBE_FAILED` if it does not end that it is being deleted; ClusterError
 */
export async function prepareNamespace(client: ClusterClient, options: NamespaceOptions): Promise<void> {
    const { namespace, clock, signal } = options;
    const { namespaces } = probePaths(namespace);
    const end = clock.now() + TERMINATION_MINUTES * 60_000;
    let found = await client.get(namespaces, namespace);
    while (found?.metadata.deletionTimestamp !== undefined) {
        if (clock.now() >= end) throw terminating(client, namespace);
        await clock.sleep(POLL_MS, signal);
        found = await client.get(namespaces, namespace);
    }
    if (found === undefined) await create(client, options);
    else await removePods(client, await listPods(client, options), options);
}

async function create(client: ClusterClient, options: NamespaceOptions): Promise<void> {
    try {
        await client.create(probePaths(options.namespace).namespaces, probeNamespace(options));
    } catch (error) {
        // Its response was lost, or somebody was faster.
        if (toProblem(error).code !== "CLUSTER_OBJECT_EXISTS") throw error;
    }
}

/**
 * Removes what this owner's probes have left, and the namespace if one of them has created it. With pods of others in it,
 * such as those of another stack's probe, it stays: this owner's next run removes it.
 */
export async function cleanUp(client: ClusterClient, owner: ProbeOwner): Promise<void> {
    const { namespaces } = probePaths(owner.namespace);
    const pods = await listPods(client, owner);
    await removePods(client, pods, owner);
    if (pods.some((pod) => !isOwnProbe(pod, owner))) return;
    const found = await client.get(namespaces, owner.namespace);
    if (found === undefined || !isOwnProbe(found, owner)) return;
    await removeObject(client, namespaces, found);
}

async function listPods(client: ClusterClient, { namespace }: ProbeOwner): Promise<readonly ProbePod[]> {
    return (await client.list<ProbePod>(probePaths(namespace).pods)) ?? [];
}

/** Removes one pod of this owner's; what is not there is removed already. */
export function removePod(client: ClusterClient, pod: ProbePod, { namespace }: ProbeOwner): Promise<void> {
    return removeObject(client, probePaths(namespace).pods, pod);
}

async function removePods(client: ClusterClient, pods: readonly ProbePod[], owner: ProbeOwner): Promise<void> {
    for (const pod of pods) if (isOwnProbe(pod, owner)) await removePod(client, pod, owner);
}

/** Pods change at any time. */
const ATTEMPTS = 10;

async function removeObject(client: ClusterClient, path: ResourcePath, object: KubernetesObject): Promise<void> {
    let current: KubernetesObject | undefined = object;
    for (let attempt = 1; current !== undefined && current.metadata.deletionTimestamp === undefined; attempt++) {
        const { name, resourceVersion = "" }: KubernetesObject["metadata"] = current.metadata;
        try {
            await client.remove(path, name, resourceVersion);
            return;
        } catch (error) {
            if (toProblem(error).code !== "CLUSTER_CONFLICT" || attempt === ATTEMPTS) throw error;
        }
        current = await client.get(path, name);
    }
}

function terminating({ server }: ClusterClient, namespace: string): PassthroughError {
    return new PassthroughError(`it is being deleted, and still there after ${TERMINATION_MINUTES} minutes`, {
        code: "PROBE_FAILED",
        place: { cluster: server },
        thing: `namespace ${namespace}`,
        fix: `see what keeps it: oc get namespace ${namespace} -o yaml`,
    });
}
