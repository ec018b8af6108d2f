import { PassthroughError, toProblem } from "../../errors/errors";
import { formatWithoutFix } from "../../errors/format";
import type { ClusterClient, KubernetesObject } from "../../kubernetes/cluster-client";
import type { WaitOptions } from "../rollout/wait-for-nodes";
import { NAMES, POD_LABELS } from "./deployment";

/** How a wait is ended, and shown. */
export type RegistryWait = Pick<WaitOptions, "clock" | "signal" | "onProgress">;

const POLL_MS = 2000;
const MINUTE = 60_000;
/** An image of 20 MB is pulled, a volume made and mounted, and the pod of before ended. */
const PODS_MINUTES = 10;
/** A kubelet gives pods a changed Secret within its sync period and the life of its cache: about two minutes. */
const ANSWER_MINUTES = 5;

/** What is still to come; undefined: nothing. */
type Look = () => Promise<string | undefined>;

/**
 * Waits until the pods are those that were written last, and ready.
 * @throws PassthroughError `ROLLOUT_TIMEOUT` with what their node says; the signal's reason
 */
export async function waitForRegistryPods(client: ClusterClient, namespace: string, wait: RegistryWait): Promise<void> {
    const fix =
        `look at them: oc -n ${namespace} describe pods; an image that cannot be pulled must be at a registry that nodes reach, ` +
        "or be loaded on every node (site.registry.deploy.cluster.image); one that runs and is not ready cannot use its volume or " +
        `bucket, and says why: oc -n ${namespace} logs ${NAMES.registry}-0 -c push; then run again`;
    await waitFor(() => podsProblem(client, namespace), { ...wait, minutes: PODS_MINUTES, place: client.server, fix });
}

/**
 * Waits until something answers.
 * @param ask the status that the registry greets with, as `ping`; throws what keeps it from that
 * @param what "puller-1 at registry.example"
 * @param fix what to check if it does not
 * @throws PassthroughError `ROLLOUT_TIMEOUT`; an error of TLS at once; the signal's reason
 */
export async function waitForAnswer(
    ask: () => Promise<number>,
    what: string,
    fix: string,
    wait: RegistryWait,
): Promise<void> {
    const look = async () => {
        try {
            const status = await ask();
            return status === 200 ? undefined : `${what}, which is answered with ${status}`;
        } catch (error) {
            wait.signal.throwIfAborted();
            const problem = toProblem(error);
            if (problem.code === "TLS") throw error;
            return `${what}: ${formatWithoutFix(problem)}`;
        }
    };
    await waitFor(look, { ...wait, minutes: ANSWER_MINUTES, fix });
}

interface WaitLimits extends RegistryWait {
    readonly minutes: number;
    readonly fix: string;
    readonly place?: string;
}

/** @throws PassthroughError `ROLLOUT_TIMEOUT`; what `look` throws; the signal's reason */
export async function waitFor(look: Look, limits: WaitLimits): Promise<void> {
    const { clock, signal, onProgress, minutes, fix, place } = limits;
    const end = clock.now() + minutes * MINUTE;
    for (;;) {
        signal.throwIfAborted();
        const missing = await look();
        if (missing === undefined) return;
        if (clock.now() >= end) {
            throw new PassthroughError(`after ${minutes} minutes still waiting for ${missing}`, {
                code: "ROLLOUT_TIMEOUT",
                ...(place === undefined ? {} : { place: { cluster: place } }),
                fix,
            });
        }
        onProgress(`waiting for ${missing}`);
        await clock.sleep(POLL_MS, signal);
    }
}

interface StatefulSet extends KubernetesObject {
    readonly status?: {
        readonly observedGeneration?: number;
        readonly replicas?: number;
        readonly readyReplicas?: number;
        readonly updatedReplicas?: number;
        readonly currentRevision?: string;
        readonly updateRevision?: string;
    };
}

/**
 * What keeps the pods from being those that were written last, and ready (as `kubectl rollout status`, statefulset).
 * @returns undefined: nothing
 */
export async function podsProblem(client: ClusterClient, namespace: string): Promise<string | undefined> {
    const path = { apiVersion: "apps/v1", resource: "statefulsets", namespace };
    const set = await client.get<StatefulSet>(path, NAMES.registry);
    if (set === undefined) return `the StatefulSet ${NAMES.registry} of ${namespace}, which does not exist`;
    const { status = {}, metadata } = set;
    const isSeen = (status.observedGeneration ?? 0) >= (metadata.generation ?? 0);
    const isCurrent = status.updatedReplicas === 1 && status.currentRevision === status.updateRevision;
    if (isSeen && isCurrent && status.readyReplicas === 1) return undefined;
    const reasons = await podReasons(client, namespace);
    return [`the pod of the registry in ${namespace}`, ...reasons].join("; ");
}

interface Pod extends KubernetesObject {
    readonly status?: {
        readonly conditions?: readonly { readonly status: string; readonly message?: string }[];
        readonly containerStatuses?: readonly {
            readonly name: string;
            readonly state?: {
                readonly waiting?: { readonly reason?: string; readonly message?: string };
                readonly terminated?: { readonly reason?: string; readonly message?: string };
            };
        }[];
    };
}

/** As the node and the scheduler say it. */
async function podReasons(client: ClusterClient, namespace: string): Promise<string[]> {
    const pods = (await client.list<Pod>({ apiVersion: "v1", resource: "pods", namespace })) ?? [];
    const [[label, value] = []] = Object.entries(POD_LABELS);
    const own = pods.filter(({ metadata }) => label !== undefined && metadata.labels?.[label] === value);
    const said = own.flatMap(({ status }) => [
        ...(status?.conditions ?? []).flatMap((one) => (one.status === "False" ? (one.message ?? []) : [])),
        ...(status?.containerStatuses ?? []).flatMap(({ name, state }) => {
            const { reason, message } = state?.waiting ?? state?.terminated ?? {};
            return reason === undefined ? [] : [`${name}: ${[reason, message].filter(Boolean).join(": ")}`];
        }),
    ]);
    return [...new Set(said)];
}
