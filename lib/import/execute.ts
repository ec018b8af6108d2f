import type { BlobSource } from "../oci/content";
import type { Digest } from "../oci/digest";
import { ArchiveError, PassthroughError, RegistryError, messageOf } from "../oci/errors";
import { Limiter, mapLimited } from "../oci/limiter";
import { type Manifest, parseManifest } from "../oci/manifest";
import { once } from "../oci/once";
import type { RegistryClient } from "../oci/registry-client";
import { FruitlessTime } from "./fruitless-time";
import type { ImportEvent } from "./events";
import { isAttachment } from "./image-task";
import { ImportMeter, type ImportProgress } from "./import-meter";
import type { BlobTask, ImagePlan, ImageProblem, ImportPlan, Payload } from "./plan";
import { isTagOnly } from "./planned-image";
import { type RefusedMount, type TransferWatch, transferBlob } from "./transfer";
import { BlobReader } from "./verified-pieces";
import { explainedRefusal } from "./sparse-refusal";

/** What was done, also when not all could be: nothing in `done` is half there. */
export interface ImportResult {
    /** Source reference -> digest, all that is there and tagged now. */
    readonly done: Readonly<Record<string, Digest>>;
    readonly failed: readonly ImageProblem[];
    /** Of `bytes` each counts once, however often it was sent. */
    readonly sent: Payload;
    /** What the plan had said. */
    readonly planned: Payload;
    /** Bytes that were sent once more after a transfer broke. */
    readonly repeatedBytes: number;
    /** Why more was sent than planned. */
    readonly refusedMounts: readonly RefusedMount[];
}

export interface ExecuteOptions {
    /** Blobs in flight. */
    readonly concurrency?: number;
    readonly onProgress?: (progress: ImportProgress) => void;
    readonly onEvent?: (event: ImportEvent) => void;
}

const DEFAULT_CONCURRENCY = 6;
/** Images worked on at once; more than blobs in flight, so that small images fill the gaps. */
const IMAGES_AT_ONCE = 12;
const PROGRESS_EVENT_MS = 1000;
/** Errors of the file system, and of a file that is shorter than when it was opened. */
const ARCHIVE_LOST = new Set(["ARCHIVE_UNREADABLE", "ARCHIVE_TRUNCATED"]);

/**
 * Carries a plan out. One failing image does not stop the others; a registry that stays unreachable does, and so does an
 * archive whose medium fails, or that ends earlier than when it was opened.
 * @returns also after failures: they are in `failed`, by image.
 */
export async function executePlan(
    client: RegistryClient,
    source: BlobSource,
    plan: ImportPlan,
    options: ExecuteOptions = {},
): Promise<ImportResult> {
    const execution = new Execution(client, source, plan, options);
    const quiet = execution.begin();
    try {
        // Signatures speak about an image; nobody should find them before it.
        await execution.images(plan.push.filter(({ task }) => !isAttachment(task)));
        await execution.images(plan.push.filter(({ task }) => isAttachment(task)));
    } finally {
        quiet();
        await execution.close();
    }
    return execution.end();
}

class Execution {
    private readonly blobsInFlight: Limiter;
    private readonly reader: BlobReader;
    private readonly blobs = new Map<string, Promise<void>>();
    private readonly manifests = new Map<string, Promise<void>>();
    private readonly blobTasks = new Map<string, BlobTask>();
    private readonly done: Record<string, Digest> = {};
    private readonly failed: ImageProblem[];
    private readonly sent = { bytes: 0, uploads: 0, mounts: 0 };
    private readonly refusedMounts: RefusedMount[] = [];
    private repeatedBytes = 0;
    private readonly meter: ImportMeter;
    private lastProgressEvent = 0;
    private readonly fruitless: FruitlessTime;
    /** Why nothing further is tried; set once. */
    private stopped: Error | undefined;

    constructor(
        private readonly client: RegistryClient,
        private readonly source: BlobSource,
        private readonly plan: ImportPlan,
        private readonly options: ExecuteOptions,
    ) {
        this.fruitless = new FruitlessTime(client);
        this.blobsInFlight = new Limiter(options.concurrency ?? DEFAULT_CONCURRENCY);
        this.reader = new BlobReader(source);
        this.failed = [...plan.problems];
        for (const { source: key, digest } of plan.present) this.done[key] = digest;
        for (const blob of plan.push.flatMap((image) => image.blobs)) {
            this.blobTasks.set(`${blob.repository} ${blob.digest}`, blob);
        }
        const images = plan.present.length + plan.push.length + plan.problems.length;
        this.meter = new ImportMeter(plan.present.length, images, plan.bytes);
    }

    /** @returns what ends listening to the client */
    begin(): () => void {
        const { present, push, problems } = this.plan;
        const tagOnly = push.filter(isTagOnly).length;
        const counts = { present: present.length, push: push.length - tagOnly, tagOnly, cannot: problems.length };
        this.emit({ event: "planned", ...counts, ...this.planned() });
        for (const { source, digest } of present) this.emit({ event: "image", state: "done", source, digest });
        for (const { source, problem } of problems) this.emit({ event: "image", state: "failed", source, problem });
        this.report();
        return this.client.onWait((wait) => this.emit({ event: "wait", ...wait }));
    }

    async images(images: readonly ImagePlan[]): Promise<void> {
        await mapLimited(images, IMAGES_AT_ONCE, (image) => this.image(image));
    }

    /** Ends what reads the archive. */
    async close(): Promise<void> {
        await this.reader.close();
    }

    end(): ImportResult {
        const { done, failed, sent, repeatedBytes, refusedMounts } = this;
        const planned = this.planned();
        const totals = { planned, sent: { ...sent }, repeatedBytes, refusedMounts };
        this.emit({ event: "progress", ...this.meter.progress() });
        this.emit({ event: "finished", done: Object.keys(done).length, failed: failed.length, ...totals });
        return { done, failed, ...totals };
    }

    /** @throws PassthroughError `NOT_TRIED` once the run is stopped */
    private goOn(): void {
        const { stopped } = this;
        if (stopped === undefined) return;
        throw new PassthroughError(`not tried, since the run has stopped: ${messageOf(stopped)}`, {
            code: "NOT_TRIED",
            cause: stopped,
        });
    }

    private planned(): Payload {
        const { bytes, uploads, mounts } = this.plan;
        return { bytes, uploads, mounts };
    }

    private async image(image: ImagePlan): Promise<void> {
        const { task } = image;
        try {
            this.goOn();
            await this.neededBlobs(image);
            for (const { digest, from } of image.copies) await this.copyManifest(task.repository, digest, from);
            for (const { digest } of image.manifests) await this.manifest(task.repository, digest);
            await this.putManifest(task.repository, task.tag, task.digest, image.rootIsThere);
            this.done[task.source] = task.digest;
            this.meter.imageDone();
            this.emit({ event: "image", state: "done", source: task.source, digest: task.digest });
            this.report();
        } catch (error) {
            this.noteStop(error);
            const failure = { source: task.source, problem: messageOf(error) };
            this.failed.push(failure);
            this.emit({ event: "image", state: "failed", ...failure });
        }
    }

    /** Waits for all before failing, so that no transfer of a failed image is left running unwatched. */
    private async neededBlobs(image: ImagePlan): Promise<void> {
        const { repository } = image.task;
        const outcomes = await Promise.allSettled(image.needs.map((digest) => this.blob(repository, digest)));
        const failure = outcomes.find((outcome) => outcome.status === "rejected");
        if (failure !== undefined) throw failure.reason;
    }

    /** Once per repository and digest; two images of one repository share the work and its failure. */
    private blob(repository: string, digest: Digest): Promise<void> {
        const key = `${repository} ${digest}`;
        const task = this.blobTasks.get(key);
        if (task === undefined) return Promise.resolve();
        return once(this.blobs, key, async () => {
            const ready = await this.whenMountable(task);
            let mountRefused = false;
            const watch: TransferWatch = {
                sent: (fresh, repeated) => this.count(fresh, repeated),
                mountRefused: (mount) => {
                    mountRefused = true;
                    this.noteRefusal(mount);
                },
            };
            const outcome = await this.blobsInFlight.run(async () => {
                this.goOn();
                try {
                    return await transferBlob(this.client, this.source, this.reader, ready, watch);
                } catch (error) {
                    this.noteStop(error);
                    throw error;
                }
            });
            this.fruitless.end();
            if (outcome === "uploaded") this.sent.uploads++;
            if (outcome === "mounted") this.sent.mounts++;
            const { size } = task;
            this.emit({ event: "blob", repository, digest, size, outcome, mountRefused });
        });
    }

    /** The repository it is mounted from may still be waiting for the blob, or fail to get it: then its bytes are sent. */
    private async whenMountable(task: BlobTask): Promise<BlobTask> {
        const { mountFrom, ...alone } = task;
        if (mountFrom === undefined) return task;
        try {
            await this.blob(mountFrom, task.digest);
            return task;
        } catch (error) {
            if (this.stopped !== undefined || this.source.size(task.digest) === undefined) throw error;
            return alone;
        }
    }

    private manifest(repository: string, digest: Digest): Promise<void> {
        return once(this.manifests, `${repository} ${digest}`, () =>
            this.putManifest(repository, digest, digest, false),
        );
    }

    private async putManifest(repository: string, reference: string, digest: Digest, isThere: boolean): Promise<void> {
        const manifest = isThere
            ? await this.storedManifest(repository, digest)
            : parseManifest(await this.source.read(digest), this.source.place(digest));
        await this.client.manifestPut(repository, reference, manifest).catch((error: unknown) => {
            throw explainedRefusal(error, manifest);
        });
        this.count(manifest.bytes.length, 0);
    }

    private async storedManifest(repository: string, digest: Digest): Promise<Manifest> {
        const manifest = await this.client.manifestGet(repository, digest);
        if (manifest !== undefined) return manifest;
        throw new PassthroughError(`manifest ${digest} is gone from ${repository} since the plan was made`, {
            code: "MANIFEST_UNKNOWN",
            cure: "run again",
        });
    }

    private async copyManifest(repository: string, digest: Digest, from: string): Promise<void> {
        await once(this.manifests, `${repository} ${digest}`, async () => {
            const manifest = await this.storedManifest(from, digest);
            await this.client.manifestPut(repository, digest, manifest);
            this.count(manifest.bytes.length, 0);
        });
    }

    private count(fresh: number, repeated: number): void {
        if (fresh > 0) this.fruitless.end();
        this.sent.bytes += fresh;
        this.repeatedBytes += repeated;
        this.meter.sent(fresh);
        this.report();
    }

    private noteRefusal(mount: RefusedMount): void {
        this.refusedMounts.push(mount);
        this.meter.moreToSend(mount.size);
    }

    private report(): void {
        const { onProgress, onEvent } = this.options;
        if (onProgress === undefined && onEvent === undefined) return;
        const progress = this.meter.progress();
        onProgress?.(progress);
        if (Date.now() - this.lastProgressEvent < PROGRESS_EVENT_MS) return;
        this.lastProgressEvent = Date.now();
        this.emit({ event: "progress", ...progress });
    }

    private emit(event: ImportEvent): void {
        this.options.onEvent?.(event);
    }

    /**
     * What meets one image only does not keep the others from coming.
     * A medium that fails, or a file that somebody cuts meanwhile, is not read on: what else it gives cannot be trusted, and
     * a failing disk is not to be worn out.
     */
    private noteStop(error: unknown): void {
        if (error instanceof ArchiveError && ARCHIVE_LOST.has(error.code)) this.stopped ??= error;
        if (!(error instanceof RegistryError)) return;
        const isOver = this.fruitless.isOver(error);
        if (isOver || error.code === "TLS" || error.code === "ABORTED") this.stopped ??= error;
    }
}
