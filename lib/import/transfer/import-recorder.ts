import { formatWithoutFix, problemToJson } from "../../errors/format";
import type { Digest } from "../../oci/digest";
import type { Wait } from "../../distribution/client/registry-client";
import type { ImportEvent } from "./events";
import { ImportMeter, type ImportProgress } from "./import-meter";
import { type ImageProblem, imageProblemToJson } from "../image-problem";
import type { BlobTask, ImagePlan, ImportPlan, Payload } from "../plan/plan";
import { isTagOnly } from "../plan/planned-image";
import type { RefusedMount, TransferOutcome } from "./transfer-tools";

/** What was done, also when not all could be: nothing in `done` is half there. */
export interface ImportResult {
    /** Source reference -> digest, all that is there and tagged now. */
    readonly done: Readonly<Record<string, Digest>>;
    readonly failed: readonly ImageProblem[];
    /** Images whose blobs are there, and that are left to another run (`leavesReferrers`), by source reference. */
    readonly left: readonly string[];
    /** Of `bytes` each counts once, however often it was sent. */
    readonly sent: Payload;
    /** What the plan had said. */
    readonly planned: Payload;
    /** Bytes that were sent once more after a transfer broke. */
    readonly repeatedBytes: number;
    /** Why more was sent than planned. */
    readonly refusedMounts: readonly RefusedMount[];
}

/** Receives the progress of an import. */
export interface ImportListeners {
    readonly onProgress?: (progress: ImportProgress) => void;
    readonly onEvent?: (event: ImportEvent) => void;
}

const PROGRESS_EVENT_MS = 1000;

/** Records an import: the result of each image, what was sent, and who is notified. */
export class ImportRecorder {
    private readonly done: Record<string, Digest> = {};
    private readonly failed: ImageProblem[];
    private readonly left: string[] = [];
    private readonly sent = { bytes: 0, uploads: 0, mounts: 0 };
    private readonly refusedMounts: RefusedMount[] = [];
    private repeatedBytes = 0;
    private readonly meter: ImportMeter;
    private lastProgressEvent = 0;

    constructor(
        private readonly plan: ImportPlan,
        private readonly listeners: ImportListeners,
    ) {
        this.failed = [...plan.problems];
        for (const { source, digest } of plan.present) this.done[source] = digest;
        const images = plan.present.length + plan.push.length + plan.problems.length;
        this.meter = new ImportMeter(plan.present.length, images, plan.bytes);
    }

    /** Tells what the plan knows already. */
    begin(): void {
        const { present, push, problems } = this.plan;
        const tagOnly = push.filter(isTagOnly).length;
        const counts = { present: present.length, push: push.length - tagOnly, tagOnly, cannot: problems.length };
        this.emit({ event: "planned", ...counts, ...this.planned() });
        for (const { source, digest } of present) this.emit({ event: "image", state: "done", source, digest });
        for (const image of problems) this.emitFailed(image);
        this.report();
    }

    imageDone({ task: { source, digest } }: ImagePlan): void {
        this.done[source] = digest;
        this.meter.imageDone();
        this.emit({ event: "image", state: "done", source, digest });
        this.report();
    }

    imageFailed(failure: ImageProblem): void {
        this.failed.push(failure);
        this.emitFailed(failure);
    }

    imageLeft({ task: { source } }: ImagePlan): void {
        this.left.push(source);
    }

    blobDone({ repository, digest, size }: BlobTask, outcome: TransferOutcome, mountRefused: boolean): void {
        if (outcome === "uploaded") this.sent.uploads++;
        if (outcome === "mounted") this.sent.mounts++;
        this.emit({ event: "blob", repository, digest, size, outcome, mountRefused });
    }

    /** Payload bytes went out. */
    bytesSent(fresh: number, repeated: number): void {
        this.sent.bytes += fresh;
        this.repeatedBytes += repeated;
        this.meter.sent(fresh);
        this.report();
    }

    /** Bytes of the plan were sent by an earlier run. */
    resumed(bytes: number): void {
        this.meter.moreToSend(-bytes);
    }

    /** The blob's bytes are sent beyond the plan. */
    mountRefused(mount: RefusedMount): void {
        this.refusedMounts.push(mount);
        this.meter.moreToSend(mount.size);
    }

    waited(wait: Wait): void {
        const { problem, seconds, requests } = wait;
        const text = { operation: problem.operation ?? "", problem: formatWithoutFix(problem) };
        this.emit({ event: "wait", ...text, seconds, requests, error: problemToJson(problem) });
    }

    end(): ImportResult {
        const { done, failed, left, sent, repeatedBytes, refusedMounts } = this;
        const totals = { planned: this.planned(), sent: { ...sent }, repeatedBytes, refusedMounts };
        this.emit({ event: "progress", ...this.meter.progress() });
        this.emit({ event: "finished", done: Object.keys(done).length, failed: failed.length, ...totals });
        return { done, failed, left, ...totals };
    }

    private planned(): Payload {
        const { bytes, uploads, mounts } = this.plan;
        return { bytes, uploads, mounts };
    }

    private report(): void {
        const { onProgress, onEvent } = this.listeners;
        if (onProgress === undefined && onEvent === undefined) return;
        const progress = this.meter.progress();
        onProgress?.(progress);
        if (Date.now() - this.lastProgressEvent < PROGRESS_EVENT_MS) return;
        this.lastProgressEvent = Date.now();
        this.emit({ event: "progress", ...progress });
    }

    private emitFailed(image: ImageProblem): void {
        this.emit({ event: "image", state: "failed", ...imageProblemToJson(image) });
    }

    private emit(event: ImportEvent): void {
        this.listeners.onEvent?.(event);
    }
}
