import type { BlobSource } from "../../mirror/image-set";
import type { Digest } from "../../oci/digest";
import type { Problem } from "../../errors/problem";
import { mapLimited } from "../../concurrency/limiter";
import { parseManifest } from "../../oci/manifest";
import type { RegistryClient } from "../../distribution/client/registry-client";
import type { BlobArrivals } from "./blob-arrivals";
import { NoProgressTimer } from "./no-progress-timer";
import { imageProblem } from "../image-problem";
import { isAttachment } from "../../mirror/attachment-tag";
import { type ImportListeners, type ImportResult, ImportRecorder } from "./import-recorder";
import { type ImagePlan, type ImportPlan, mountSources } from "../plan/plan";
import { ManifestPuts } from "./manifest-puts";
import { ReferrerTags } from "../referrer-tags";
import { RunStop } from "./run-stop";
import { BlobTransfers } from "./blob-transfers";
import { UploadJournal } from "./upload-journal";

export interface ExecuteOptions extends ImportListeners {
    /** The most blobs in flight. */
    readonly concurrency?: number;
    /** Images that are not to be pushed, by source reference, and why: they fail, and what they share with others is sent. */
    readonly blocked?: ReadonlyMap<string, Problem>;
    /** Images that have a `subject` are left to another run: their lists (tag `sha256-<digest>`) have one writer at a time. */
    readonly leavesReferrers?: boolean;
    /** Folder of the journals of open uploads, of this user alone; absent: the next run does not know of them. */
    readonly journals?: string | undefined;
    /** The digest of the lock that the plan is of: journals of other sets are left to these. Default: a set without a lock. */
    readonly set?: Digest;
    /** Absent: every blob can be read at any time. Else none is begun before it has come. */
    readonly arrivals?: BlobArrivals;
}

const DEFAULT_CONCURRENCY = 32;
/** Images worked on at once; more than blobs in flight, so that small images fill the gaps. */
const IMAGES_AT_ONCE = 40;

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
    client.willWrite(mountSources(plan));
    const journal = await UploadJournal.open(options.journals, client.host, options.set ?? "");
    const execution = new Execution(client, source, journal, plan, options);
    const attachments = plan.push.filter(({ task }) => isAttachment(task));
    const quiet = execution.begin();
    try {
        execution.sendAsTheyCome(attachments);
        // A signature must not be visible before its image.
        await execution.images(plan.push.filter(({ task }) => !isAttachment(task)));
        await execution.referrers();
        await execution.images(attachments);
        await execution.abandonLeft();
    } catch (error) {
        options.arrivals?.stop(error);
        throw error;
    } finally {
        quiet();
        await execution.close();
    }
    return execution.end();
}

class Execution {
    private readonly arrivals: BlobArrivals | undefined;
    private readonly repositories: ReadonlySet<string>;
    private readonly blobs: BlobTransfers;
    private readonly recorder: ImportRecorder;
    private readonly noProgress: NoProgressTimer;
    private readonly stop: RunStop;
    private readonly manifests: ManifestPuts;
    /** Images that have a `subject`, put after it: those that this run pushes, by digest. */
    private postponed: { readonly image: ImagePlan; readonly subject: Digest }[] = [];

    constructor(
        private readonly client: RegistryClient,
        private readonly source: BlobSource,
        private readonly journal: UploadJournal,
        plan: ImportPlan,
        private readonly options: ExecuteOptions,
    ) {
        this.recorder = new ImportRecorder(plan, options);
        this.noProgress = new NoProgressTimer(client);
        this.stop = new RunStop(this.noProgress);
        this.arrivals = options.arrivals;
        const tasks = [...plan.present, ...plan.push.map(({ task }) => task)];
        this.repositories = new Set(tasks.map(({ repository }) => repository));
        const taken = new Set(tasks.map(({ repository, tag }) => `${repository}:${tag}`));
        this.manifests = new ManifestPuts(client, source, new ReferrerTags(client, taken), (bytes) =>
            this.count(bytes, 0),
        );
        const { recorder, noProgress, stop, arrivals } = this;
        const run = {
            ...{ client, source, journal, arrivals, recorder, noProgress, stop },
            sent: (fresh: number, repeated: number) => this.count(fresh, repeated),
            note: (error: unknown) => this.note(error),
        };
        this.blobs = new BlobTransfers(run, plan.push, options.concurrency ?? DEFAULT_CONCURRENCY);
    }

    /** @returns what ends listening to the client */
    begin(): () => void {
        this.recorder.begin();
        return this.client.onWait((wait) => this.recorder.waited(wait));
    }

    async images(images: readonly ImagePlan[]): Promise<void> {
        // What waits for its turn in the archive must not keep others from theirs.
        const most = this.arrivals === undefined ? IMAGES_AT_ONCE : Math.max(images.length, 1);
        await mapLimited(images, most, (image) => this.image(image));
    }

    /** Blobs of images that are put later, where they come only once. What fails is told by their images. */
    sendAsTheyCome(images: readonly ImagePlan[]): void {
        if (this.arrivals === undefined) return;
        for (const { task, needs } of images)
            for (const digest of needs) this.blobs.bring(task.repository, digest).catch(() => undefined);
    }

    /** What was postponed since it is about another image: a signature of an SBOM after the SBOM. */
    async referrers(): Promise<void> {
        while (this.postponed.length > 0) {
            const left = this.postponed;
            const digests = new Set(left.map(({ image }) => image.task.digest));
            const ready = left.filter(({ subject }) => !digests.has(subject));
            // Only manifests that are about each other, which no digest allows, would never be ready.
            const next = new Set(ready.length > 0 ? ready : left);
            this.postponed = left.filter((one) => !next.has(one));
            await mapLimited([...next], IMAGES_AT_ONCE, ({ image }) => this.putImage(image));
        }
    }

    /** What earlier runs of the set have left open in its repositories, of blobs that these have by now, or need no more. */
    async abandonLeft(): Promise<void> {
        const left = this.journal.leftOpen.filter(
            ({ repository, digest }) => this.repositories.has(repository) && !this.blobs.has(repository, digest),
        );
        if (this.stop.isStopped || this.client.isInterrupted) return;
        await mapLimited(left, IMAGES_AT_ONCE, async ({ repository, location, settled }) => {
            if (await this.client.uploads.abandon(repository, location)) settled();
        });
    }

    /** Ends what reads the archive, and the journal, once no blob is under way: those of images that were not tried may be. */
    async close(): Promise<void> {
        await this.blobs.close();
        this.journal.close();
    }

    end(): ImportResult {
        return this.recorder.end();
    }

    private async image(image: ImagePlan): Promise<void> {
        const { task } = image;
        if (this.isBlocked(task.source)) return;
        try {
            this.stop.check();
            await this.blobs.needed(image);
            if (image.isPart === true) return;
            if (this.arrivals !== undefined) {
                await this.arrivals.mayPut();
                // What is read of manifests when all has come may block an image.
                if (this.isBlocked(task.source)) return;
            }
            const subject = await this.subject(image);
            if (subject !== undefined) {
                if (this.options.leavesReferrers === true) this.recorder.imageLeft(image);
                else this.postponed.push({ image, subject });
                return;
            }
        } catch (error) {
            this.note(error);
            this.recorder.imageFailed(imageProblem(task.source, error));
            return;
        }
        await this.putImage(image);
    }

    /** @returns true for an image that is not to be pushed: it has failed now */
    private isBlocked(source: string): boolean {
        const problem = this.options.blocked?.get(source);
        if (problem !== undefined) this.recorder.imageFailed({ source, problems: [problem] });
        return problem !== undefined;
    }

    private note(error: unknown): void {
        this.stop.note(error);
        if (this.stop.isStopped) this.arrivals?.stop(this.stop.reason);
    }

    /** What an image of this archive is about; undefined for nearly all. */
    private async subject({ task, rootIsThere }: ImagePlan): Promise<Digest | undefined> {
        // Tags that are about an image have their own turn.
        if (rootIsThere || isAttachment(task)) return undefined;
        return parseManifest(await this.source.read(task.digest), { place: this.source.place(task.digest) }).subject
            ?.digest;
    }

    private async putImage(image: ImagePlan): Promise<void> {
        const { task } = image;
        try {
            this.stop.check();
            await this.manifests.putAll(image);
            this.recorder.imageDone(image);
        } catch (error) {
            this.note(error);
            this.recorder.imageFailed(imageProblem(task.source, error));
        }
    }

    private count(fresh: number, repeated: number): void {
        if (fresh > 0) this.noProgress.end();
        this.recorder.bytesSent(fresh, repeated);
    }
}
