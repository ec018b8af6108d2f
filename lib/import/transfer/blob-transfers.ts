import { Limiter } from "../../concurrency/limiter";
import { once } from "../../concurrency/once";
import type { RegistryClient } from "../../distribution/client/registry-client";
import type { BlobSource } from "../../mirror/image-set";
import type { Digest } from "../../oci/digest";
import type { BlobTask, ImagePlan } from "../plan/plan";
import type { BlobArrivals } from "./blob-arrivals";
import type { ImportRecorder } from "./import-recorder";
import type { NoProgressTimer } from "./no-progress-timer";
import type { RunStop } from "./run-stop";
import { BlobTransfer } from "./transfer";
import type { TransferOutcome, TransferTools, TransferWatch } from "./transfer-tools";
import type { UploadJournal } from "./upload-journal";
import { BlobReader } from "./verified-pieces";

/** Blobs worked on for each that may be sent: while the bytes of one are on their way, the upload of the next is begun. */
const BEGUN_AHEAD = 2;

/** What a run shares with those who carry out a part of it. */
export interface Run {
    readonly client: RegistryClient;
    readonly source: BlobSource;
    readonly journal: UploadJournal;
    /** As in `ExecuteOptions`. */
    readonly arrivals: BlobArrivals | undefined;
    readonly recorder: ImportRecorder;
    readonly noProgress: NoProgressTimer;
    readonly stop: RunStop;
    /** Payload bytes that were sent, as in `TransferWatch`. */
    readonly sent: (fresh: number, repeated: number) => void;
    /** Notes an error that may end the run. */
    readonly note: (error: unknown) => void;
}

/** Brings the blobs of a plan into their repositories, each once, a few at a time. */
export class BlobTransfers {
    private readonly inFlight: Limiter;
    private readonly tools: TransferTools;
    private readonly tasks = new Map<string, BlobTask>();
    private readonly transfers = new Map<string, Promise<void>>();

    /** @param most blobs in flight */
    constructor(
        private readonly run: Run,
        push: readonly ImagePlan[],
        most: number,
    ) {
        const { client } = run;
        this.inFlight = new Limiter(() => Math.min(most, BEGUN_AHEAD * client.blobsAtOnce));
        this.tools = { ...run, reader: new BlobReader(run.source) };
        for (const blob of push.flatMap((image) => image.blobs))
            this.tasks.set(key(blob.repository, blob.digest), blob);
    }

    /** Whether the plan brings the blob there. */
    has(repository: string, digest: Digest): boolean {
        return this.tasks.has(key(repository, digest));
    }

    /** All that an image needs. Waits for all before failing, so that no transfer of a failed image is left running unwatched. */
    async needed({ task: { repository }, needs }: ImagePlan): Promise<void> {
        const outcomes = await Promise.allSettled(needs.map((digest) => this.bring(repository, digest)));
        const failure = outcomes.find((outcome) => outcome.status === "rejected");
        if (failure !== undefined) throw failure.reason;
    }

    /** Ends what reads the archive once no blob is under way: those of images that were not tried may be. */
    async close(): Promise<void> {
        await Promise.allSettled(this.transfers.values());
        await this.tools.reader.close();
    }

    /** Once per repository and digest; two images of one repository share the work and its failure. */
    bring(repository: string, digest: Digest): Promise<void> {
        const place = key(repository, digest);
        const task = this.tasks.get(place);
        if (task === undefined) return Promise.resolve();
        const { recorder, noProgress, arrivals, sent } = this.run;
        return once(this.transfers, place, async () => {
            const ready = await this.whenReady(task);
            let mountRefused = false;
            const watch: TransferWatch = {
                sent,
                resumed: (bytes) => recorder.resumed(bytes),
                mountRefused: (mount) => {
                    mountRefused = true;
                    recorder.mountRefused(mount);
                },
            };
            const transfer = this.transfer(ready, watch);
            const ended = (isStored: boolean) => arrivals?.ended(ready, isStored);
            transfer.then(
                () => ended(true),
                () => ended(false),
            );
            const outcome = await transfer;
            noProgress.end();
            recorder.blobDone(task, outcome, mountRefused);
        });
    }

    /** What comes again is sent again; while it waits for that, it takes no place among the blobs in flight. */
    private async transfer(task: BlobTask, watch: TransferWatch): Promise<TransferOutcome> {
        const transfer = new BlobTransfer(this.tools, task, watch);
        let outcome: TransferOutcome | undefined;
        try {
            while (outcome === undefined) {
                const sending = this.inFlight.run(() => this.attempt(transfer));
                outcome = await sending.catch((error: unknown) => this.waitForNext(task, transfer, error));
            }
            return outcome;
        } finally {
            await transfer.end(outcome !== undefined);
        }
    }

    /** @returns once the blob's bytes come again @throws the error if they do not */
    private async waitForNext(task: BlobTask, { furthest }: BlobTransfer, error: unknown): Promise<undefined> {
        if ((await this.run.arrivals?.comesAgain(task, error, furthest)) !== true) throw error;
    }

    private async attempt(transfer: BlobTransfer): Promise<TransferOutcome> {
        this.run.stop.check();
        try {
            return await transfer.send();
        } catch (error) {
            this.run.note(error);
            throw error;
        }
    }

    private async whenReady(task: BlobTask): Promise<BlobTask> {
        const ready = await this.whenMountable(task);
        if (ready.mountFrom === undefined)
            await this.run.arrivals?.arrival(ready).catch((error: unknown) => {
                this.run.stop.check();
                throw error;
            });
        return ready;
    }

    /** The repository it is mounted from may still be waiting for the blob, or fail to get it: then its bytes are sent. */
    private async whenMountable(task: BlobTask): Promise<BlobTask> {
        const { mountFrom, ...alone } = task;
        if (mountFrom === undefined) return task;
        try {
            await this.bring(mountFrom, task.digest);
            return task;
        } catch (error) {
            if (this.run.stop.isStopped || this.run.source.size(task.digest) === undefined) throw error;
            return alone;
        }
    }
}

function key(repository: string, digest: Digest): string {
    return `${repository} ${digest}`;
}
