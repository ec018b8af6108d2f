import type { BlobSource } from "../oci/content";
import type { Digest } from "../oci/digest";
import { PassthroughError, RegistryError, messageOf } from "../oci/errors";
import { Limiter, mapLimited } from "../oci/limiter";
import { type Manifest, parseManifest } from "../oci/manifest";
import { once } from "../oci/once";
import type { RegistryClient } from "../oci/registry-client";
import { isUnreachable } from "../oci/retry";
import { isAttachment } from "./image-task";
import type { BlobTask, ImagePlan, ImageProblem, ImportPlan } from "./plan";
import { transferBlob } from "./transfer";

/** What was done, also when not all could be: nothing in `done` is half there. */
export interface ImportResult {
    /** Source reference -> digest, all that is there and tagged now. */
    readonly done: Readonly<Record<string, Digest>>;
    readonly failed: readonly ImageProblem[];
    readonly sent: { readonly bytes: number; readonly uploads: number; readonly mounts: number };
}

/** Never goes back: a repeated transfer counts only what it adds. */
export interface ImportProgress {
    readonly images: number;
    readonly ofImages: number;
    readonly bytes: number;
    readonly ofBytes: number;
}

export interface ExecuteOptions {
    /** Blobs in flight. */
    readonly concurrency?: number;
    readonly onProgress?: (progress: ImportProgress) => void;
}

const DEFAULT_CONCURRENCY = 6;
/** Images worked on at once; more than blobs in flight, so that small images fill the gaps. */
const IMAGES_AT_ONCE = 12;

/**
 * Carries a plan out. One failing image does not stop the others; a registry that stays unreachable does.
 * @returns also after failures: they are in `failed`, by image.
 */
export async function executePlan(
    client: RegistryClient,
    source: BlobSource,
    plan: ImportPlan,
    options: ExecuteOptions = {},
): Promise<ImportResult> {
    const execution = new Execution(client, source, plan, options);
    // Signatures speak about an image; nobody should find them before it.
    await execution.images(plan.push.filter(({ task }) => !isAttachment(task)));
    await execution.images(plan.push.filter(({ task }) => isAttachment(task)));
    return execution.result();
}

class Execution {
    private readonly blobsInFlight: Limiter;
    private readonly blobs = new Map<string, Promise<void>>();
    private readonly manifests = new Map<string, Promise<void>>();
    private readonly blobTasks = new Map<string, BlobTask>();
    private readonly done: Record<string, Digest> = {};
    private readonly failed: ImageProblem[];
    private readonly sent = { bytes: 0, uploads: 0, mounts: 0 };
    private finished = 0;
    /** Why nothing further is tried; set once. */
    private stopped: Error | undefined;

    constructor(
        private readonly client: RegistryClient,
        private readonly source: BlobSource,
        private readonly plan: ImportPlan,
        private readonly options: ExecuteOptions,
    ) {
        this.blobsInFlight = new Limiter(options.concurrency ?? DEFAULT_CONCURRENCY);
        this.failed = [...plan.problems];
        for (const { source: key, digest } of plan.present) this.done[key] = digest;
        for (const blob of plan.push.flatMap((image) => image.blobs)) {
            this.blobTasks.set(`${blob.repository} ${blob.digest}`, blob);
        }
        this.finished = plan.present.length;
    }

    async images(images: readonly ImagePlan[]): Promise<void> {
        await mapLimited(images, IMAGES_AT_ONCE, (image) => this.image(image));
    }

    result(): ImportResult {
        return { done: this.done, failed: this.failed, sent: this.sent };
    }

    private async image(image: ImagePlan): Promise<void> {
        const { task } = image;
        try {
            if (this.stopped !== undefined) throw this.stopped;
            await this.neededBlobs(image);
            for (const { digest, from } of image.copies) await this.copyManifest(task.repository, digest, from);
            for (const { digest } of image.manifests) await this.manifest(task.repository, digest);
            await this.putManifest(task.repository, task.tag, task.digest, image.rootIsThere);
            this.done[task.source] = task.digest;
            this.finished++;
            this.report();
        } catch (error) {
            this.noteStop(error);
            this.failed.push({ source: task.source, problem: messageOf(error) });
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
            const outcome = await this.blobsInFlight.run(async () => {
                if (this.stopped !== undefined) throw this.stopped;
                return transferBlob(this.client, this.source, ready, (bytes) => this.count(bytes));
            });
            if (outcome === "uploaded") this.sent.uploads++;
            if (outcome === "mounted") this.sent.mounts++;
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
        await this.client.manifestPut(repository, reference, manifest);
        this.count(manifest.bytes.length);
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
            await this.client.manifestPut(repository, digest, await this.storedManifest(from, digest));
        });
    }

    private count(bytes: number): void {
        this.sent.bytes += bytes;
        this.report();
    }

    private report(): void {
        this.options.onProgress?.({
            images: this.finished,
            ofImages: this.plan.present.length + this.plan.push.length + this.plan.problems.length,
            bytes: Math.min(this.sent.bytes, this.plan.bytes),
            ofBytes: this.plan.bytes,
        });
    }

    /**
     * A registry that gave nobody an answer for a retry period would give none for every further image either (half of
     * it, since an operation gives up before its last wait). One that answers others has trouble with this image only.
     */
    private noteStop(error: unknown): void {
        if (!(error instanceof RegistryError)) return;
        const isLost = isUnreachable(error) && this.client.silentSeconds >= this.client.retrySeconds / 2;
        if (isLost || error.code === "TLS" || error.code === "ABORTED") this.stopped ??= error;
    }
}
