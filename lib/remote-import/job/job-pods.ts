import { toProblem } from "../../errors/errors";
import { oneLine } from "../../errors/text";
import type { ClusterClient, KubernetesObject, ObjectMetadata } from "../../kubernetes/cluster-client";
import { type PodEvent, type ProbePod, probePaths } from "../../openshift/probe/probe-objects";

/** A pod of a Job (core/v1). */
export type JobPod = ProbePod & KubernetesObject;

/** Of an Indexed Job (batch/v1). */
const INDEX = "batch.kubernetes.io/job-completion-index";

/** Which importer a pod is. */
export function indexOf({ annotations }: ObjectMetadata): number {
    return Number(annotations?.[INDEX] ?? 0);
}

/** Events of pods. @returns none if the account may not read them: the pods themselves still say most */
export async function readPodEvents(client: ClusterClient, namespace: string): Promise<readonly PodEvent[]> {
    try {
        return (await client.list<PodEvent>(probePaths(namespace).events)) ?? [];
    } catch (error) {
        if (toProblem(error).code === "CLUSTER_FORBIDDEN") return [];
        throw error;
    }
}

/** Reasons that say that something goes on, not what keeps it. */
const PASSING = new Set(["ContainerCreating", "PodInitializing", "Completed"]);

/** What keeps pods from running, or has ended them, in the words of scheduler and nodes; each once. */
export function podReasons(pods: readonly JobPod[], events: readonly PodEvent[]): string[] {
    const said = pods.flatMap(({ metadata, status }) => {
        const conditions = (status?.conditions ?? []).filter(({ type }) => type === "PodScheduled");
        const unscheduled = conditions.flatMap(({ status: is, message }) => (is === "False" ? (message ?? []) : []));
        const containers = (status?.containerStatuses ?? []).flatMap(({ state }) => {
            const { reason = "", message } = state?.waiting ?? state?.terminated ?? {};
            const code = state?.terminated?.exitCode;
            if (reason === "" || PASSING.has(reason)) return [];
            return [
                [code === undefined ? reason : `${reason} (exit code ${code})`, message].filter(Boolean).join(": "),
            ];
        });
        const warnings = events.filter(
            ({ type, involvedObject }) => type === "Warning" && involvedObject?.name === metadata.name,
        );
        const ofVolumes = warnings.filter(({ reason = "" }) => /^Failed(Mount|AttachVolume|MapVolume)$/.test(reason));
        const ofPod = [status?.reason, status?.message].filter(Boolean).join(": ");
        return [...unscheduled, ...containers, ...ofVolumes.flatMap(({ message }) => message ?? []), ofPod];
    });
    return [...new Set(said.filter((text) => text !== "").map(oneLine))];
}
