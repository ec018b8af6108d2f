import { isDeepStrictEqual } from "node:util";
import { PassthroughError, errorMessage, toProblem } from "../../errors/errors";
import { counted, oneLine } from "../../errors/text";
import type { ImportProgress } from "../../import";
import type { ClusterClient, KubernetesObject, NewObject, ResourcePath } from "../../kubernetes/cluster-client";
import { isOwnObject, objectOwner } from "../../openshift/objects/owner";
import type { Clock } from "../../openshift/rollout/wait-for-nodes";
import { retryConflicts } from "../../openshift/trust/conflict-retry";
import { joinProgress } from "../remote-import";
import { type RemoteReport, parseRemoteLine, readReport } from "../report";
import { type ImportJob, JOB_ANNOTATION, JOB_LABEL, type JobSecrets, jobObject, secretObjects } from "./job-objects";
import { type JobPod, indexOf, podReasons, readPodEvents } from "./job-pods";

/** How a Job is waited for, and shown. */
export interface JobWait {
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly onProgress: (progress: ImportProgress) => void;
    /** Gets what keeps pods from running. */
    readonly onWait: (text: string) => void;
    /** Gets what importers note, once each. */
    readonly onNote: (text: string) => void;
}

interface Job extends KubernetesObject {
    readonly spec?: {
        readonly suspend?: boolean;
    };
    readonly status?: {
        readonly conditions?: readonly {
            readonly type: string;
            readonly status: string;
            readonly reason?: string;
            readonly message?: string;
        }[];
    };
}

const POLL_MS = 2000;
/** For which no pod of a Job may run before it is given up: images are pulled, volumes attached. */
const START_MINUTES = 10;
/** Of each pod: more than an importer says at its end. */
const LOG_LINES = 300;
/** Of a pod's log that an error quotes. */
const LAST_LINES = 3;

const paths = (namespace: string) =>
    ({
        jobs: { apiVersion: "batch/v1", resource: "jobs", namespace },
        pods: { apiVersion: "v1", resource: "pods", namespace },
        secrets: { apiVersion: "v1", resource: "secrets", namespace },
        claims: { apiVersion: "v1", resource: "persistentvolumeclaims", namespace },
    }) as const satisfies Record<string, ResourcePath>;

interface Claim extends KubernetesObject {
    readonly spec?: { readonly accessModes?: readonly string[] };
}

/**
 * Whether only one node may mount a volume.
 * @throws PassthroughError `REMOTE_IMPORT_FAILED` if it does not exist
 */
export async function isVolumeOfOneNode(
    client: ClusterClient,
    { namespace, claim }: Pick<ImportJob, "namespace" | "claim">,
): Promise<boolean> {
    const found = await client.get<Claim>(paths(namespace).claims, claim);
    if (found !== undefined) return found.spec?.accessModes?.every((mode) => mode.startsWith("ReadWriteOnce")) ?? false;
    throw new PassthroughError("it does not exist", {
        code: "REMOTE_IMPORT_FAILED",
        place: { cluster: client.server },
        thing: `PersistentVolumeClaim ${claim} in ${namespace}`,
        fix: "name the claim with the archive, and its namespace, in site.content[].at.cluster",
    });
}

/**
 * Runs a Job to its end and removes it. One that an earlier run has left goes on if it does the same, and is removed before
 * a new one starts if it does not: never do two of them push the same images.
 * @returns what each of its importers said
 * @throws PassthroughError `REMOTE_IMPORT_FAILED` with what the cluster says of its pods; ClusterError; the signal's reason:
 * the Job goes on then
 */
export async function runJob(
    client: ClusterClient,
    job: ImportJob,
    secrets: JobSecrets,
    wait: JobWait,
): Promise<readonly RemoteReport[]> {
    const created =
        (await takeOver(client, job, wait)) ?? (await client.create<Job>(paths(job.namespace).jobs, jobObject(job)));
    try {
        for (const secret of secretObjects(job, secrets, created)) await writeSecret(client, secret, wait);
        await retryConflicts(wait, () => resume(client, job));
        return await new JobRun(client, job, wait).untilEnd();
    } finally {
        // What its pods have come to is the result. After an interrupt it goes on, and the next run reads it.
        if (!wait.signal.aborted)
            await removeJob(client, job, wait).catch((error: unknown) => wait.onNote(errorMessage(error)));
    }
}

/** Ends a Job that an earlier run has left, of another round of the same set. Nothing happens if there is none. */
export async function endJob(client: ClusterClient, job: ImportJob, wait: JobWait): Promise<void> {
    const found = await client.get<Job>(paths(job.namespace).jobs, job.name);
    if (found !== undefined && isOwnObject(found, job)) await removeJob(client, job, wait);
}

/** The Job that is there, if it does what is wanted and has not ended. */
async function takeOver(client: ClusterClient, job: ImportJob, wait: JobWait): Promise<Job | undefined> {
    const found = await client.get<Job>(paths(job.namespace).jobs, job.name);
    if (found === undefined) return undefined;
    if (!isOwnObject(found, job)) {
        const owner = objectOwner(found);
        throw new PassthroughError(`it is ${owner === undefined ? "not of this program" : `of the stack ${owner}`}`, {
            code: "CLUSTER_OBJECT_EXISTS",
            place: { cluster: client.server },
            thing: label(job),
            fix: "remove it, or name another namespace in site.content[].at.cluster",
        });
    }
    const isSame =
        found.metadata.annotations?.[JOB_ANNOTATION] === jobObject(job).metadata.annotations?.[JOB_ANNOTATION];
    if (isSame && endOf(found) === undefined && found.metadata.deletionTimestamp === undefined) return found;
    await removeJob(client, job, wait);
    return undefined;
}

/** With its pods first: they are gone when the Job is. */
async function removeJob(client: ClusterClient, job: ImportJob, { clock, signal, onWait }: JobWait): Promise<void> {
    const { jobs } = paths(job.namespace);
    const end = clock.now() + START_MINUTES * 60_000;
    for (;;) {
        const found = await client.get<Job>(jobs, job.name);
        if (found === undefined) return;
        if (found.metadata.deletionTimestamp === undefined) {
            await retryConflicts({ clock, signal }, async () => {
                const current = await client.get<Job>(jobs, job.name);
                if (current !== undefined)
                    await client.remove(jobs, job.name, current.metadata.resourceVersion ?? "", "first");
            });
        }
        if (clock.now() >= end)
            throw failed(client, job, `it is being deleted, and still there after ${START_MINUTES} minutes`);
        onWait(`waiting until the pods of ${label(job)} have ended`);
        await clock.sleep(POLL_MS, signal);
    }
}

/** A Secret as it is to be; one that another run has left may have an account of before. */
async function writeSecret(client: ClusterClient, secret: NewObject, wait: JobWait): Promise<void> {
    const { metadata, ...fields } = secret;
    const { secrets } = paths(metadata.namespace ?? "");
    await retryConflicts(wait, async () => {
        const live = await client.get(secrets, metadata.name);
        if (live === undefined) {
            await client.create(secrets, secret);
            return;
        }
        const data: unknown = Reflect.get(fields, "data");
        const owners = metadata.ownerReferences ?? [];
        if (
            isDeepStrictEqual(Reflect.get(live, "data"), data) &&
            live.metadata.ownerReferences?.[0]?.uid === owners[0]?.uid
        )
            return;
        const { resourceVersion = "" } = live.metadata;
        const changed = { resourceVersion, annotations: metadata.annotations, ownerReferences: owners };
        await client.patch(secrets, metadata.name, { metadata: changed, data });
    });
}

async function resume(client: ClusterClient, { namespace, name }: ImportJob): Promise<void> {
    const { jobs } = paths(namespace);
    const found = await client.get<Job>(jobs, name);
    if (found?.spec?.suspend !== true) return;
    const { resourceVersion = "" } = found.metadata;
    await client.patch(jobs, name, { metadata: { resourceVersion }, spec: { suspend: false } });
}

interface End {
    readonly isComplete: boolean;
    readonly text: string;
}

/** How a Job has ended (batch/v1 JobCondition); undefined: it has not. */
function endOf({ status }: Job): End | undefined {
    const found = status?.conditions?.find(
        ({ type, status: is }) => (type === "Complete" || type === "Failed") && is === "True",
    );
    if (found === undefined) return undefined;
    return { isComplete: found.type === "Complete", text: [found.reason, found.message].filter(Boolean).join(": ") };
}

/** Looks at a Job until it has ended. */
class JobRun {
    /** What each importer has said last, by index. */
    private readonly progress = new Map<number, ImportProgress>();
    private readonly reports = new Map<number, RemoteReport>();
    private readonly notes = new Set<string>();
    private lastMove: number;

    constructor(
        private readonly client: ClusterClient,
        private readonly job: ImportJob,
        private readonly wait: JobWait,
    ) {
        this.lastMove = wait.clock.now();
    }

    async untilEnd(): Promise<readonly RemoteReport[]> {
        const { clock, signal } = this.wait;
        for (;;) {
            // The Job first: the pods that are read then have said everything if it has ended.
            const found = await this.client.get<Job>(paths(this.job.namespace).jobs, this.job.name);
            if (found === undefined) throw failed(this.client, this.job, "somebody has deleted it");
            const pods = await this.pods();
            for (const pod of pods) await this.listen(pod);
            const end = endOf(found);
            if (end !== undefined) return this.result(end, pods);
            await this.watchStart(pods);
            await clock.sleep(POLL_MS, signal);
        }
    }

    private async pods(): Promise<readonly JobPod[]> {
        const all = (await this.client.list<JobPod>(paths(this.job.namespace).pods)) ?? [];
        return all.filter(({ metadata }) => metadata.labels?.[JOB_LABEL] === this.job.name);
    }

    private async listen({ metadata, status }: JobPod): Promise<void> {
        if (status?.phase === undefined || status.phase === "Pending") return;
        const pod = { name: metadata.name, namespace: this.job.namespace };
        const lines = ((await this.log(pod)) ?? "").split("\n");
        const index = indexOf(metadata);
        for (const line of lines) {
            const said = parseRemoteLine(line);
            if (said?.line === "progress") this.progress.set(index, said);
            if (said?.line === "note") this.note(said.text);
        }
        const report = readReport(lines);
        if (status.phase === "Failed" && report === undefined) this.noteEnd(metadata.name, lines);
        // A pod that failed has a successor of the same index, whichever is listed first.
        const before = this.reports.get(index);
        if (
            report !== undefined &&
            (before?.error !== undefined || before === undefined || status.phase === "Succeeded")
        )
            this.reports.set(index, report);
        if (this.progress.size > 0) this.wait.onProgress(joinProgress([...this.progress.values()]));
    }

    /** @returns undefined if it cannot be read now: a node that is away takes a reason along, and not the import */
    private async log(pod: { readonly name: string; readonly namespace: string }): Promise<string | undefined> {
        try {
            return await this.client.podLog(pod, LOG_LINES);
        } catch (error) {
            this.wait.signal.throwIfAborted();
            if (toProblem(error).code === "CLUSTER_FORBIDDEN") throw error;
            return undefined;
        }
    }

    /** What a program says that ends by no will of its own. */
    private noteEnd(pod: string, lines: readonly string[]): void {
        const last = lines.filter((line) => line !== "" && parseRemoteLine(line) === undefined).slice(-LAST_LINES);
        this.note(
            `${pod} ended early${last.length === 0 ? "" : `; its log ends with: ${last.map(oneLine).join(" ")}`}`,
        );
    }

    private note(text: string): void {
        if (this.notes.has(text)) return;
        this.notes.add(text);
        this.wait.onNote(text);
    }

    /** Pods that wait for ever are said, and given up. */
    private async watchStart(pods: readonly JobPod[]): Promise<void> {
        const { clock, onWait } = this.wait;
        const isMoving = pods.some(({ status }) => status?.phase === "Running");
        if (isMoving) {
            this.lastMove = clock.now();
            return;
        }
        const reasons = podReasons(pods, await readPodEvents(this.client, this.job.namespace));
        const what = `waiting for ${counted(this.job.round === "shards" ? this.job.shards : 1, "pod")} of ${label(this.job)}`;
        onWait([what, ...reasons].join("; "));
        if (clock.now() - this.lastMove < START_MINUTES * 60_000) return;
        const why = reasons.length === 0 ? "the cluster does not say why" : reasons.join("; ");
        throw failed(this.client, this.job, `no pod of it runs after ${START_MINUTES} minutes: ${why}`);
    }

    private result({ isComplete, text }: End, pods: readonly JobPod[]): readonly RemoteReport[] {
        const reports = [...this.reports.values()];
        if (isComplete || reports.some(({ error }) => error !== undefined)) return reports;
        throw failed(this.client, this.job, [`it failed: ${text}`, ...podReasons(pods, [])].join("; "));
    }
}

function label({ namespace, name }: ImportJob): string {
    return `the Job ${namespace}/${name}`;
}

function failed({ server }: ClusterClient, job: ImportJob, problem: string): PassthroughError {
    return new PassthroughError(problem, {
        code: "REMOTE_IMPORT_FAILED",
        place: { cluster: server },
        thing: label(job),
        fix:
            "repair that (docs/how-to/import-in-the-cluster.md#when-pods-do-not-run), then run again: what the registry has is " +
            "not sent again",
    });
}
