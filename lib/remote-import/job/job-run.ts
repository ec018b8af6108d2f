import { toProblem } from "../../errors/errors";
import { counted, oneLine } from "../../errors/text";
import type { ImportProgress } from "../../import";
import type { ClusterClient } from "../../kubernetes/cluster-client";
import { joinProgress } from "../remote-import";
import { type RemoteReport, parseRemoteLine, readReport } from "../report";
import { type ImportJob, JOB_LABEL } from "./job-objects";
import { type JobPod, indexOf, podReasons, readPodEvents } from "./job-pods";
import { type End, type Job, type JobWait, POLL_MS, START_MINUTES, endOf, failed, label, paths } from "./job-state";

/** Of each pod: more than an importer says at its end. */
const LOG_LINES = 300;
/** Of a pod's log that an error quotes. */
const LAST_LINES = 3;

/** Looks at a Job until it has ended. */
export class JobRun {
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
