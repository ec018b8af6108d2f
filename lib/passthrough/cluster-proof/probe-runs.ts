import { toProblem } from "../../errors/errors";
import { counted, oneLine } from "../../errors/text";
import type { ClusterClient } from "../../kubernetes/cluster-client";
import { type PodEvent, type ProbePod, probePaths } from "../../openshift/probe/probe-objects";
import { PROBE_CONTAINER, type Probe, type ProbeOwner, probePod } from "../../openshift/probe/probe-pods";
import type { ProbeResult } from "../../openshift/probe/probe-report";
import { type ProbeVerdict, assessProbe, unfinishedVerdict } from "../../openshift/probe/probe-verdict";
import type { Clock } from "../../openshift/rollout/wait-for-nodes";
import { prepareNamespace, removePod } from "./probe-namespace";

export interface ProbeRunOptions extends ProbeOwner {
    /** In the names of pods: lower-case letters and digits. */
    readonly run: string;
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly onProgress: (text: string) => void;
}

const POLL_MS = 2000;
const MINUTES = 5;
/** How long what refuses a pod for the moment is waited for, while no pod of the run starts or ends. */
const ROOM_SECONDS = 60;
/** A registry may be away for a moment, and a kubelet waits ever longer before it pulls again: a fresh pod does not. */
const ATTEMPTS = 2;

/** A probe whose pod is to be created. */
interface Waiting {
    readonly probe: Probe;
    readonly name: string;
    readonly attempt: number;
}

/** A probe with its pod, until something came of it. */
interface Running extends Waiting {
    /** When it is given up, in milliseconds of the clock. */
    readonly end: number;
}

/**
 * Runs all probes, each in a pod of its own, and reads what comes of them: at the same time, or as many at a time as the
 * quotas of the namespace allow.
 * @throws ClusterError if the API fails; the signal's reason
 */
export function runProbes(
    client: ClusterClient,
    probes: readonly Probe[],
    options: ProbeRunOptions,
): Promise<ProbeResult[]> {
    return new ProbeRuns(client, options).run(probes);
}

class ProbeRuns {
    private readonly results: ProbeResult[] = [];
    private waiting: Waiting[] = [];
    private running: Running[] = [];
    /** When a pod was created or came to its end for the last time. */
    private movedAt: number;

    constructor(
        private readonly client: ClusterClient,
        private readonly options: ProbeRunOptions,
    ) {
        this.movedAt = options.clock.now();
    }

    async run(probes: readonly Probe[]): Promise<ProbeResult[]> {
        const { run, clock, signal } = this.options;
        this.waiting = probes.map((probe, index) => ({ probe, name: `probe-${run}-${index}`, attempt: 1 }));
        for (;;) {
            await this.startAll();
            if (this.running.length + this.waiting.length === 0) return this.results;
            this.showProgress();
            await clock.sleep(POLL_MS, signal);
            await this.lookAtAll();
        }
    }

    private showProgress(): void {
        const { namespace, onProgress } = this.options;
        const pods = `waiting for ${counted(this.running.length, "pod")} in ${namespace}`;
        onProgress(this.waiting.length === 0 ? pods : `${pods}; ${this.waiting.length} have no room yet`);
    }

    /** Until something refuses a pod for the moment: it would refuse the others too. */
    private async startAll(): Promise<void> {
        const { clock } = this.options;
        const asked = this.waiting;
        this.waiting = [];
        for (const [index, one] of asked.entries()) {
            const refusal = await tryToCreate(this.client, one, this.options);
            if (refusal === undefined) {
                this.movedAt = clock.now();
                this.running.push({ ...one, end: this.movedAt + MINUTES * 60_000 });
            } else if (refusal.mayPass && (this.running.length > 0 || this.isRoomAwaited())) {
                this.waiting.push(...asked.slice(index));
                if (refusal.isNamespaceGone) await prepareNamespace(this.client, this.options);
                return;
            } else {
                this.end(one, { outcome: "refused", detail: `the cluster refuses its pod: ${refusal.said}` });
            }
        }
    }

    private isRoomAwaited(): boolean {
        return this.options.clock.now() - this.movedAt < ROOM_SECONDS * 1000;
    }

    private async lookAtAll(): Promise<void> {
        if (this.running.length === 0) return;
        const { clock, namespace } = this.options;
        const [pods, events] = await readPods(this.client, namespace);
        const looked = this.running;
        this.running = [];
        for (const one of looked) {
            const pod = pods.get(one.name);
            const verdict = look(one, pod, events, clock.now());
            if (verdict === undefined) {
                this.running.push(one);
                continue;
            }
            this.movedAt = clock.now();
            if (pod !== undefined) await this.makeRoom(pod);
            if (mayPass(one, pod, verdict)) {
                this.waiting.push({ probe: one.probe, name: `${one.name}-again`, attempt: one.attempt + 1 });
            } else this.end(one, verdict);
        }
    }

    /** A pod that pulls for ever counts for quotas. What cannot be removed is said after the run, which removes all of them. */
    private async makeRoom(pod: ProbePod): Promise<void> {
        await removePod(this.client, pod, this.options).catch(() => undefined);
    }

    private end({ probe }: Waiting, verdict: ProbeVerdict): void {
        const { pool, source, form } = probe;
        this.results.push({ pool: pool.name, source: source.source, form, ...verdict });
    }
}

/** A pod that somebody has removed says nothing; a pull that failed may have met a registry that was away. */
function mayPass({ probe, attempt }: Running, pod: ProbePod | undefined, { outcome }: ProbeVerdict): boolean {
    const isWorthIt = pod === undefined || (outcome === "failed" && probe.form !== "absent");
    return isWorthIt && attempt < ATTEMPTS;
}

function look(
    { probe, name, end }: Running,
    pod: ProbePod | undefined,
    events: readonly PodEvent[],
    now: number,
): ProbeVerdict | undefined {
    const own = events.filter(({ involvedObject }) => involvedObject?.name === name && isOfProbe(involvedObject));
    const verdict = assessProbe(probe, pod, own);
    if (verdict !== undefined || pod === undefined || now < end) return verdict;
    return unfinishedVerdict(pod, own, MINUTES);
}

/** Of the pod itself, or of the container that pulls: others are of something that the cluster has added to the pod. */
function isOfProbe({ fieldPath = "" }: Required<PodEvent>["involvedObject"]): boolean {
    return !fieldPath.includes("{") || fieldPath === `spec.containers{${PROBE_CONTAINER}}`;
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

interface Refusal {
    /** What the API says: a quota, a policy, PodSecurity. One line. */
    readonly said: string;
    /** The same pod may be accepted later. */
    readonly mayPass: boolean;
    /** Another stack's proof has removed the namespace, which it had created. */
    readonly isNamespaceGone: boolean;
}

/** @returns what refuses the pod; undefined if it is created */
async function tryToCreate(
    client: ClusterClient,
    { probe, name }: Waiting,
    options: ProbeRunOptions,
): Promise<Refusal | undefined> {
    try {
        await client.create(probePaths(options.namespace).pods, probePod(probe, name, options));
        return undefined;
    } catch (error) {
        const { code, problem } = toProblem(error);
        // The response to the first attempt was lost: the name is one of this run's.
        if (code === "CLUSTER_OBJECT_EXISTS") return undefined;
        const isRefused = code === "CLUSTER_FORBIDDEN" || code === "CLUSTER_INVALID";
        if (!isRefused && !UNREACHABLE_WEBHOOK.test(problem)) throw error;
        const isNamespaceGone = NAMESPACE_GONE.test(problem);
        const mayPass = isNamespaceGone || PASSING.some((pattern) => pattern.test(problem));
        return { said: oneLine(problem), mayPass, isNamespaceGone };
    }
}

/** 500, if the configuration of the webhook says that nothing passes without it (apiserver, ErrCallingWebhook). */
const UNREACHABLE_WEBHOOK = /failed calling webhook/;

/** apiserver, plugin/namespace/lifecycle: it is being removed, or is not there. */
const NAMESPACE_GONE = /because it is being terminated|namespaces? "[^"]+" not found/;

/** What refuses a pod now and may accept it in a moment. */
const PASSING: readonly RegExp[] = [
    // What a namespace lacks until its controllers have seen it: the account of its pods (plugin/pkg/admission/
    // serviceaccount), and its range of users (OpenShift, apiserver-library-go, securitycontextconstraints/sccmatching).
    /serviceaccount "default" not found/,
    /unable to find annotation openshift\.io\/sa\.scc/,
    // Pods of this run use it up, or of the one before, as long as they are there (apiserver, resourcequota/controller.go).
    /exceeded quota: |status unknown for quota: /,
    UNREACHABLE_WEBHOOK,
];
