import { debug } from "../../debug/debug";
import { MOST_AGAIN } from "../../distribution/client/chunk-size";
import type { UploadStatus } from "../../distribution/client/open-uploads";
import { isBusy, isRetryable, isUnreachable } from "../../distribution/limits/retry";
import { PassthroughError, RegistryError } from "../../errors/errors";
import type { BlobTask } from "../plan/plan";
import type { TransferOutcome, TransferTools, TransferWatch } from "./transfer-tools";
import type { JournalEntry } from "./upload-journal";
import type { VerifiedBlob } from "./verified-pieces";

/** True for an upload that broke when the blob's first bytes were gone: it goes on if the archive is read again. */
export function hasPassed(error: unknown): boolean {
    return error instanceof PassthroughError && error.code === "ARCHIVE_STREAM_PASSED";
}

/** An upload, where it goes on. */
interface Place extends UploadStatus {
    readonly entry: JournalEntry;
}

/** The attempts to send one blob's bytes. */
export class BlobUpload {
    private place: Place | undefined;
    /** An upload that broke and may be gone on with. */
    private broken: Place | undefined;
    private mayResume: boolean;
    /** Bytes of the blob that any attempt has sent, or an earlier run. */
    furthest: number;
    /** Those that the last one has sent. */
    private reached: number;

    /** @param start an upload that was begun, now or by an earlier run */
    constructor(
        private readonly tools: Omit<TransferTools, "source" | "arrivals">,
        private readonly blob: BlobTask,
        private readonly watch: TransferWatch,
        start: UploadStatus,
    ) {
        this.place = this.noted(start);
        this.mayResume = blob.size > MOST_AGAIN;
        this.furthest = this.reached = start.offset;
        if (start.offset > 0) watch.resumed(start.offset);
    }

    /** @param goneOn called when bytes get further than ever that need not be sent again */
    async attempt(goneOn: () => void): Promise<TransferOutcome> {
        const { repository, digest, size } = this.blob;
        // A lost answer may hide a success.
        if (this.place === undefined && (await this.tools.client.blobHead(repository, digest, "assumed")) === size) {
            debug("transfer", () => `${repository}/blobs/${digest}: present, though the last attempt failed`);
            return "present";
        }
        const place = this.place ?? (await this.resumed()) ?? (await this.anew());
        this.place = undefined;
        try {
            await this.put(place, goneOn);
        } catch (error) {
            // A registry that cannot go on after all: its digest check has kept wrong bytes out.
            const isRefused = place.offset > 0 && error instanceof RegistryError && !isBusy(error);
            if (!isRefused || isUnreachable(error)) throw error;
            this.mayResume = false;
            await this.forgetBroken();
            await this.put(await this.anew(), goneOn);
        }
        return "uploaded";
    }

    /**
     * Nothing is left at the registry of an upload that is given up.
     * @param isDone the blob is there; if not, the next run goes on with what is large and known to it
     */
    async end(isDone: boolean): Promise<void> {
        for (const open of [this.place, this.broken]) {
            const isLeft = !isDone && open?.entry.isKept() === true && open.offset > MOST_AGAIN;
            if (open !== undefined && !isLeft) await this.giveUp(open);
        }
    }

    private async forgetBroken(): Promise<void> {
        const { broken } = this;
        this.broken = undefined;
        if (broken !== undefined) await this.giveUp(broken);
    }

    private async giveUp({ location, entry }: Place): Promise<void> {
        if (await this.tools.client.uploads.cancel(this.blob.repository, location)) entry.ended();
    }

    private async put(place: Place, goneOn: () => void): Promise<void> {
        const { repository, digest, size } = this.blob;
        const { offset, entry } = place;
        let { location } = place;
        let body: VerifiedBlob | undefined;
        let isOver = false;
        this.reached = offset;
        const pieces = () => {
            // Another way of sending reads the blob again.
            body?.broke();
            const opened = (body = this.tools.reader.open(this.blob));
            return opened.pieces((sent) => {
                // What a connection that is gone still takes from its body is not sent.
                if (isOver || opened !== body) return;
                const fresh = Math.max(0, sent - Math.max(this.reached, this.furthest));
                this.watch.sent(fresh, sent - this.reached - fresh);
                this.reached = sent;
                this.furthest = Math.max(this.furthest, sent);
                entry.reaches(sent);
                if (fresh > 0 && this.mayResume) goneOn();
            }, offset);
        };
        const moved = (next: URL) => {
            location = next;
            entry.moved(next);
        };
        try {
            await this.tools.client.uploads.put(repository, digest, location, size, pieces, { offset, moved });
            entry.ended();
            body?.arrived();
        } catch (error) {
            isOver = true;
            body?.broke();
            const broken = { location, offset: this.reached, entry };
            const mayGoOn = isRetryable(error) || hasPassed(error) || this.isForNextRun(broken);
            if (this.mayResume && mayGoOn) this.broken = broken;
            else await this.giveUp(broken);
            throw error;
        }
    }

    /** An interrupted run leaves its large uploads to the next one, as a killed one does. */
    private isForNextRun({ offset, entry }: Place): boolean {
        return this.mayResume && this.tools.client.isInterrupted && entry.isKept() && offset > MOST_AGAIN;
    }

    /** Where the broken upload ended; undefined if the registry cannot say. */
    private async resumed(): Promise<Place | undefined> {
        const { broken, blob } = this;
        if (broken === undefined) return undefined;
        const { uploads } = this.tools.client;
        const status = await uploads.status(blob.repository, broken.location);
        if (status !== undefined) uploads.compareLoss(this.reached, status.offset);
        const goesOn = status !== undefined && status.offset > 0 && status.offset <= blob.size;
        debug("transfer", () => `${blob.repository}/blobs/${blob.digest}: ${resumeText(goesOn ? status.offset : 0)}`);
        if (!goesOn) await this.forgetBroken();
        this.broken = undefined;
        return goesOn ? { ...status, entry: broken.entry } : undefined;
    }

    private async anew(): Promise<Place> {
        const { repository, digest } = this.blob;
        const begun = await this.tools.client.uploads.start(repository, digest);
        if (!begun.mounted) return this.noted({ location: begun.location, offset: 0 });
        throw new RegistryError("the registry mounted the blob without being asked to", {
            registry: this.tools.client.host,
            operation: `POST ${repository}/blobs/uploads`,
            thing: `blob ${digest}`,
            code: "UNEXPECTED_RESPONSE",
            fix: "check what stands in front of the registry",
        });
    }

    private noted({ location, offset }: UploadStatus): Place {
        const { repository, digest } = this.blob;
        return { location, offset, entry: this.tools.journal.begun(repository, digest, location, offset) };
    }
}

function resumeText(offset: number): string {
    return offset === 0 ? "begun again, the registry kept nothing of it" : `resumed at byte ${offset}`;
}
