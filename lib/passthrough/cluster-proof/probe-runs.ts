import { toProblem } from "../../errors/errors";
import { counted, oneLine } from "../../errors/text";
import type { ClusterClient } from "../../kubernetes/cluster-client";
import { type PodEvent, type ProbePod, probePaths } from "../../openshift/probe/probe-objects";
import { type Probe, type ProbeOwner, probePod } from "../../openshift/probe/probe-pods";
import type { ProbeResult } from "../../openshift/probe/probe-report";
import { type ProbeVerdict, assessProbe, unfinishedVerdict } from "../../openshift/probe/probe-verdict";
import type { Clock } from "../../openshift/rollout/wait-for-nodes";

export interface ProbeRunOptions extends ProbeOwner {
    /** In the names of pods: lower-case letters and digits. */
    readonly run: string;
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly onProgress: (text: string) => void;
}

const POLL_MS = 2000;
const MINUTES = 5;
/** What a namespace gets only some time after it was created. */
const CREATION_SECONDS = 60;
/** A registry may be away for a moment, and a kubelet waits ever longer before it pulls again: a fresh pod does not. */
const ATTEMPTS = 2;

/** A probe with its pod, until something came of it. */
interface Running {
    readonly probe: Probe;
    readonly name: string;
    readonly attempt: number;
    /** When it is given up, in milliseconds of the clock. */
    readonly end: number;
}

/**
 * Runs all probes at the same time, each in a pod of its own, and reads what comes of them.
 * @throws ClusterError if the API fails; the signal's reason
 */
export async function runProbes(
    client: ClusterClient,
    probes: readonly Probe[],
    options: ProbeRunOptions,
): Promise<ProbeResult[]> {
    const { clock, signal, onProgress, namespace } = options;
    const results: ProbeResult[] = [];
    let running: Running[] = [];
    const end = (probe: Probe, verdict: ProbeVerdict) => results.push(result(probe, verdict));
    const start = async (probe: Probe, name: string, attempt: number) => {
        const refusal = await createPod(client, probe, name, options);
        if (refusal === undefined) running.push({ probe, name, attempt, end: clock.now() + MINUTES * 60_000 });
        else end(probe, refusal);
    };
    for (const [index, probe] of probes.entries()) await start(probe, `probe-${options.run}-${index}`, 1);
    while (running.length > 0) {
        onProgress(`waiting for ${counted(running.length, "pod")} in ${namespace}`);
        await clock.sleep(POLL_MS, signal);
        const [pods, events] = await readPods(client, namespace);
        const looked = running;
        running = [];
        for (const one of looked) {
            const verdict = look(one, pods, events, clock.now());
            if (verdict === undefined) running.push(one);
            else if (mayPass(one, verdict)) await start(one.probe, `${one.name}-again`, one.attempt + 1);
            else end(one.probe, verdict);
        }
    }
    return results;
}

function result({ pool, source, form }: Probe, verdict: ProbeVerdict): ProbeResult {
    return { pool: pool.name, source: source.source, form, ...verdict };
}

function mayPass({ probe, attempt }: Running, { outcome }: ProbeVerdict): boolean {
    return outcome === "failed" && probe.form !== "absent" && attempt < ATTEMPTS;
}

function look(
    { probe, name, end }: Running,
    pods: ReadonlyMap<string, ProbePod>,
    events: readonly PodEvent[],
    now: number,
): ProbeVerdict | undefined {
    const pod = pods.get(name);
    const own = events.filter(({ involvedObject }) => involvedObject?.name === name);
    const verdict = assessProbe(probe, pod, own);
    if (verdict !== undefined || pod === undefined || now < end) return verdict;
    return unfinishedVerdict(pod, own, MINUTES);
}

async function readPods(
    client: ClusterClient,
    namespace: string,
): Promise<readonly [ReadonlyMap<string, ProbePod>, readonly PodEvent[]]> {
    const { pods, events } = probePaths(namespace);
    // Events second: they say what the pods that were read have come to.
    const found = await client.list<ProbePod>(pods);
    return [new Map((found ?? []).map((pod) => [pod.metadata.name, pod])), await readEvents(client, events)];
}

/** Without the right to read them, the pods themselves still say most. */
async function readEvents(client: ClusterClient, path: ReturnType<typeof probePaths>["events"]) {
    try {
        return (await client.list<PodEvent>(path)) ?? [];
    } catch (error) {
        if (toProblem(error).code === "CLUSTER_FORBIDDEN") return [];
        throw error;
    }
}

/** @returns the verdict if the cluster refuses the pod, with what refused it: a quota, a policy, PodSecurity */
async function createPod(
    client: ClusterClient,
    probe: Probe,
    name: string,
    options: ProbeRunOptions,
): Promise<ProbeVerdict | undefined> {
    const { clock, signal } = options;
    const end = clock.now() + CREATION_SECONDS * 1000;
    for (;;) {
        const refusal = await tryToCreate(client, probe, name, options);
        if (refusal === undefined) return undefined;
        if (!isEarly(refusal) || clock.now() >= end) {
            return { outcome: "refused", detail: `the cluster refuses its pod: ${oneLine(refusal)}` };
        }
        await clock.sleep(POLL_MS, signal);
    }
}

/** @returns what the API says if it refuses the pod */
async function tryToCreate(
    client: ClusterClient,
    probe: Probe,
    name: string,
    options: ProbeRunOptions,
): Promise<string | undefined> {
    try {
        await client.create(probePaths(options.namespace).pods, probePod(probe, name, options));
        return undefined;
    } catch (error) {
        const { code, problem } = toProblem(error);
        // The response to the first attempt was lost: the name is one of this run's.
        if (code === "CLUSTER_OBJECT_EXISTS") return undefined;
        if (code === "CLUSTER_FORBIDDEN" || code === "CLUSTER_INVALID") return problem;
        throw error;
    }
}

/**
 * True for what a namespace lacks until its controllers have seen it: the account of its pods (plugin/pkg/admission/
 * serviceaccount), and its range of users (OpenShift, apiserver-library-go, securitycontextconstraints/sccmatching).
 */
function isEarly(problem: string): boolean {
    return /serviceaccount "default" not found|unable to find annotation openshift\.io\/sa\.scc/.test(problem);
}
