import { debug } from "../../debug/debug";
import type { BlobUploads, UploadStart } from "../../distribution/client/blob-uploads";
import { MOST_AGAIN } from "../../distribution/client/chunk-size";
import type { UploadStatus } from "../../distribution/client/open-uploads";
import { RegistryError } from "../../errors/errors";
import type { RegistryClient } from "../../distribution/client/registry-client";
import { isRetryable, isUnreachable } from "../../distribution/limits/retry";
import type { BlobTask } from "../plan/plan";
import { postSmallBlob } from "./small-blob";
import { BlobUpload } from "./blob-upload";
import type { TransferOutcome, TransferTools, TransferWatch } from "./transfer-tools";
import type { LeftUpload, UploadJournal } from "./upload-journal";

/**
 * Brings one blob into its repository: mounted if the plan says so and the registry agrees, else sent with one PUT, or with
 * the POST that goes before it if it is small, straight from its place in the archive. A transfer that breaks begins anew
 * with a new upload, and what the registry got of the broken one is given up; that of a large blob goes on where it ended,
 * also in the next run, if the registry knows where.
 */
export class BlobTransfer {
    private upload: BlobUpload | undefined;

    constructor(
        private readonly tools: TransferTools,
        private readonly blob: BlobTask,
        private readonly watch: TransferWatch,
    ) {}

    /** Bytes of the blob that any attempt has sent, or an earlier run. */
    get furthest(): number {
        return this.upload?.furthest ?? 0;
    }

    /**
     * Once more, after it has failed, it goes on with the upload that it has begun.
     * @throws PassthroughError `ARCHIVE_DIGEST_MISMATCH` if the archive's bytes are not the blob; RegistryError
     */
    async send(): Promise<TransferOutcome> {
        const { client, reader, arrivals } = this.tools;
        const inTurn = <T>(attempt: () => Promise<T>) => arrivals?.inTurn(this.blob, attempt) ?? attempt();
        if (this.upload === undefined) {
            const post = () =>
                inTurn(() => postSmallBlob(client, reader, this.blob, (sent) => this.watch.sent(sent, 0)));
            const begun = await this.begin(post);
            if (typeof begun === "string") return begun;
            this.upload = begun;
        }
        const { upload } = this;
        return client.retrying((goneOn) => inTurn(() => upload.attempt(goneOn)));
    }

    /** Ends what is left of it. @param isDone the blob is there */
    async end(isDone: boolean): Promise<void> {
        await this.upload?.end(isDone);
    }

    /** @param post sends a small blob with the request that begins its upload */
    private async begin(post: () => ReturnType<typeof postSmallBlob>): Promise<TransferOutcome | BlobUpload> {
        const { client, source, reader, journal } = this.tools;
        const { repository, digest, size, mountFrom } = this.blob;
        const isHere = source.size(digest) !== undefined;
        const left = await findLeft(client, journal, this.blob, isHere);
        const isWhole = left === undefined && isHere && mountFrom === undefined;
        const small = isWhole ? await post() : {};
        if (small.done !== undefined) return small.done;
        const begun =
            left ?? (small.begun ? { mounted: false as const, location: small.begun } : await begin(client, this.blob));
        debug("transfer", () => `${repository}/blobs/${digest}: ${beginText(this.blob, begun)}`);
        if ("mounted" in begun && begun.mounted) return "mounted";
        const { location } = begun;
        if (!isHere) {
            await client.uploads.cancel(repository, location);
            throw refusedMount(client.host, this.blob);
        }
        if (mountFrom !== undefined) this.watch.mountRefused({ repository, digest, size, from: mountFrom });
        const start = { location, offset: left?.offset ?? 0 };
        const upload = new BlobUpload({ client, reader, journal }, this.blob, this.watch, start);
        // It is noted as one of this run now.
        if (left !== undefined) journal.leftOf(repository, digest)?.settled();
        return upload;
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

function beginText({ mountFrom, size }: BlobTask, begun: UploadStart | UploadStatus): string {
    if ("offset" in begun) return `an earlier run's upload resumed at byte ${begun.offset}`;
    if (begun.mounted) return `mounted from ${mountFrom ?? "another repository"}`;
    const refused = mountFrom === undefined ? "" : `the registry did not mount it from ${mountFrom}, `;
    return `${refused}upload of ${size} bytes`;
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
