import { debug } from "../../debug/debug";
import type { BlobUploads, UploadStart } from "../../distribution/client/blob-uploads";
import { MOST_AGAIN } from "../../distribution/client/chunk-size";
import type { UploadStatus } from "../../distribution/client/open-uploads";
import type { BlobSource } from "../../mirror/image-set";
import type { Digest } from "../../oci/digest";
import { RegistryError } from "../../errors/errors";
import type { RegistryClient } from "../../distribution/client/registry-client";
import { isBusy, isRetryable, isUnreachable } from "../../distribution/limits/retry";
import type { BlobTask } from "../plan/plan";
import type { BlobArrivals } from "./blob-arrivals";
import { postSmallBlob } from "./small-blob";
import type { JournalEntry, LeftUpload, UploadJournal } from "./upload-journal";
import type { BlobReader, VerifiedBlob } from "./verified-pieces";

/** How a blob got into its repository. */
export type TransferOutcome = "mounted" | "uploaded" | "present";

/** A mount that the plan counted on and the registry did not do: the blob's bytes were sent. */
export interface RefusedMount {
    readonly repository: string;
    readonly digest: Digest;
    /** Bytes. */
    readonly size: number;
    readonly from: string;
}

/** Receives the progress of a transfer. */
export interface TransferWatch {
    /**
     * Payload bytes that were sent.
     * @param fresh those that got further than any attempt before; the others are `repeated`
     */
    sent(fresh: number, repeated: number): void;
    /** So many bytes of the blob that the plan has were sent by an earlier run. */
    resumed(bytes: number): void;
    mountRefused(mount: RefusedMount): void;
}

/** What the transfers of one import share. */
export interface TransferTools {
    readonly client: RegistryClient;
    readonly source: BlobSource;
    readonly reader: BlobReader;
    readonly journal: UploadJournal;
    /** As in `ExecuteOptions`. */
    readonly arrivals?: BlobArrivals | undefined;
}

/**
 * Brings one blob into its repository: mounted if the plan says so and the registry agrees, else sent with one PUT, or with
 * the POST that goes before it if it is small, straight from its place in the archive. A transfer that breaks begins anew
 * with a new upload, and what the registry got of the broken one is given up; that of a large blob goes on where it ended,
 * also in the next run, if the registry knows where.
 * @throws PassthroughError `ARCHIVE_DIGEST_MISMATCH` if the archive's bytes are not the blob; RegistryError
 */
export async function transferBlob(
    { client, source, reader, journal, arrivals }: TransferTools,
    blob: BlobTask,
    watch: TransferWatch,
): Promise<TransferOutcome> {
    const { repository, digest, size, mountFrom } = blob;
    const isHere = source.size(digest) !== undefined;
    const left = await findLeft(client, journal, blob, isHere);
    const isWhole = left === undefined && isHere && mountFrom === undefined;
    const inTurn = <T>(attempt: () => Promise<T>) => arrivals?.inTurn(blob, attempt) ?? attempt();
    const post = () => postSmallBlob(client, reader, blob, (sent) => watch.sent(sent, 0));
    const small = isWhole ? await inTurn(post) : {};
    if (small.done !== undefined) return small.done;
    const begun =
        left ?? (small.begun ? { mounted: false as const, location: small.begun } : await begin(client, blob));
    debug("transfer", () => `${repository}/blobs/${digest}: ${beginText(blob, begun)}`);
    if ("mounted" in begun && begun.mounted) return "mounted";
    const { location } = begun;
    if (!isHere) {
        await client.uploads.cancel(repository, location);
        throw refusedMount(client.host, blob);
    }
    if (mountFrom !== undefined) watch.mountRefused({ repository, digest, size, from: mountFrom });
    const start = { location, offset: left?.offset ?? 0 };
    const transfer = new Transfer({ client, reader, journal }, blob, watch, start);
    // It is noted as one of this run now.
    if (left !== undefined) journal.leftOf(repository, digest)?.settled();
    let outcome: TransferOutcome | undefined;
    try {
        outcome = await client.retrying((goneOn) => inTurn(() => transfer.attempt(goneOn)));
        return outcome;
    } finally {
        await transfer.end(outcome !== undefined);
    }
}

/**
 * Where an upload of an earlier run goes on; one that is not worth it, or that somebody else has written to, is given up.
 * @returns undefined if there is none to go on with
 */
async function findLeft(
    { uploads }: RegistryClient,
    journal: UploadJournal,
    { repository, digest, size, mountFrom }: BlobTask,
    isHere: boolean,
): Promise<UploadStatus | undefined> {
    const left = journal.leftOf(repository, digest);
    if (left === undefined) return undefined;
    const mayGoOn = isHere && mountFrom === undefined && size > MOST_AGAIN;
    const status = mayGoOn ? await statusOfLeft(uploads, left) : undefined;
    if (status !== undefined) uploads.compareLoss(left.sentAtLeast, status.offset);
    if (status !== undefined && status.offset > 0 && status.offset <= Math.min(size, left.sent)) return status;
    if (await uploads.abandon(repository, left.location)) left.settled();
    return undefined;
}

/** What is wrong with an upload of an earlier run must not fail this one. */
async function statusOfLeft(uploads: BlobUploads, left: LeftUpload): Promise<UploadStatus | undefined> {
    try {
        return await uploads.status(left.repository, left.location);
    } catch (error) {
        if (isUnreachable(error) || !(error instanceof RegistryError)) throw error;
        debug("transfer", () => `${left.repository}/blobs/${left.digest}: ${error.message}`);
        return undefined;
    }
}

/** A registry that refuses the mount with an error may still take the bytes. */
async function begin(client: RegistryClient, { repository, digest, mountFrom }: BlobTask): Promise<UploadStart> {
    if (mountFrom === undefined) return client.uploads.start(repository, digest);
    try {
        return await client.uploads.start(repository, digest, mountFrom);
    } catch (error) {
        // Harbor answers 401 to the whole POST if the account may not pull from there; others 400, 403, 404 or 405.
        const isRefusal = error instanceof RegistryError && error.status !== undefined && !isRetryable(error);
        if (!isRefusal) throw error;
        return client.uploads.start(repository, digest);
    }
}

/** An upload, where it goes on. */
interface Place extends UploadStatus {
    readonly entry: JournalEntry;
}

/** The attempts to send one blob's bytes. */
class Transfer {
    private place: Place | undefined;
    /** An upload that broke and may be gone on with. */
    private broken: Place | undefined;
    private mayResume: boolean;
    /** Bytes of the blob that were sent: by any attempt, and by the last one. */
    private furthest: number;
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
            const broken = { location, offset: this.reached, entry };
            if (this.mayResume && (isRetryable(error) || this.isForNextRun(broken))) this.broken = broken;
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

function beginText({ mountFrom, size }: BlobTask, begun: UploadStart | UploadStatus): string {
    if ("offset" in begun) return `an earlier run's upload resumed at byte ${begun.offset}`;
    if (begun.mounted) return `mounted from ${mountFrom ?? "another repository"}`;
    const refused = mountFrom === undefined ? "" : `the registry did not mount it from ${mountFrom}, `;
    return `${refused}upload of ${size} bytes`;
}

function resumeText(offset: number): string {
    return offset === 0 ? "begun again, the registry kept nothing of it" : `resumed at byte ${offset}`;
}

function refusedMount(registry: string, { repository, digest, mountFrom }: BlobTask): RegistryError {
    const from = mountFrom ?? "another repository";
    return new RegistryError(`the registry does not mount it from ${from}, and this archive does not hold it`, {
        registry,
        operation: `POST ${repository}/blobs/uploads`,
        thing: `blob ${digest}`,
        code: "BLOB_MOUNT_REFUSED",
        fix: "import the earlier archive again, then this one",
    });
}
