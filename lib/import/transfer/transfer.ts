import { debug } from "../../debug/debug";
import type { UploadStart } from "../../distribution/client/blob-uploads";
import type { BlobSource } from "../../mirror/image-set";
import type { Digest } from "../../oci/digest";
import { RegistryError } from "../../errors/errors";
import type { RegistryClient } from "../../distribution/client/registry-client";
import { isBusy, isRetryable, isUnreachable } from "../../distribution/limits/retry";
import type { BlobTask } from "../plan/plan";
import { postSmallBlob } from "./small-blob";
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
    mountRefused(mount: RefusedMount): void;
}

/**
 * Brings one blob into its repository: mounted if the plan says so and the registry agrees, else sent with one PUT, or with
 * the POST that goes before it if it is small, straight from its place in the archive. A transfer that breaks begins anew
 * with a new upload, and what the registry got of the broken one is given up; that of a large blob goes on where it ended,
 * if the registry knows where.
 * @throws PassthroughError `ARCHIVE_DIGEST_MISMATCH` if the archive's bytes are not the blob; RegistryError
 */
export async function transferBlob(
    client: RegistryClient,
    source: BlobSource,
    reader: BlobReader,
    blob: BlobTask,
    watch: TransferWatch,
): Promise<TransferOutcome> {
    const { repository, digest, size, mountFrom } = blob;
    const isWhole = mountFrom === undefined && source.size(digest) !== undefined;
    const small = isWhole ? await postSmallBlob(client, reader, blob, (sent) => watch.sent(sent, 0)) : {};
    if (small.done !== undefined) return small.done;
    const begun = small.begun ? { mounted: false as const, location: small.begun } : await begin(client, blob);
    debug("transfer", () => `${blob.repository}/blobs/${blob.digest}: ${beginText(blob, begun.mounted)}`);
    if (begun.mounted) return "mounted";
    if (source.size(blob.digest) === undefined) {
        await client.uploads.cancel(blob.repository, begun.location);
        throw refusedMount(client.host, blob);
    }
    if (mountFrom !== undefined) watch.mountRefused({ repository, digest, size, from: mountFrom });
    const transfer = new Transfer(client, reader, blob, watch, begun.location);
    try {
        return await client.retrying((goneOn) => transfer.attempt(goneOn));
    } finally {
        await transfer.end();
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

/** Where an upload goes on. */
interface Place {
    readonly location: URL;
    /** Bytes that the registry has already. */
    readonly offset: number;
}

/** Blobs above this go on where a broken transfer ended, where the registry can say where that was. */
const RESUME_FROM = 64 * 1024 * 1024;

/** The attempts to send one blob's bytes. */
class Transfer {
    private place: Place | undefined;
    /** An upload that broke and may be gone on with. */
    private broken: URL | undefined;
    private mayResume: boolean;
    private furthest = 0;

    constructor(
        private readonly client: RegistryClient,
        private readonly reader: BlobReader,
        private readonly blob: BlobTask,
        private readonly watch: TransferWatch,
        location: URL,
    ) {
        this.place = { location, offset: 0 };
        this.mayResume = blob.size > RESUME_FROM;
    }

    /** @param goneOn called when bytes get further than ever that need not be sent again */
    async attempt(goneOn: () => void): Promise<TransferOutcome> {
        const { repository, digest, size } = this.blob;
        // A lost answer may hide a success.
        if (this.place === undefined && (await this.client.blobHead(repository, digest, "assumed")) === size) {
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

    /** Nothing is left at the registry of an upload that is given up. */
    async end(): Promise<void> {
        const left = this.place?.location;
        if (left !== undefined) await this.client.uploads.cancel(this.blob.repository, left);
        await this.forgetBroken();
    }

    private async forgetBroken(): Promise<void> {
        const { broken } = this;
        this.broken = undefined;
        if (broken !== undefined) await this.client.uploads.cancel(this.blob.repository, broken);
    }

    private async put({ location, offset }: Place, goneOn: () => void): Promise<void> {
        const { repository, digest, size } = this.blob;
        let body: VerifiedBlob | undefined;
        const pieces = () => {
            let reached = offset;
            body = this.reader.open(this.blob);
            return body.pieces((sent) => {
                const fresh = Math.max(0, sent - Math.max(reached, this.furthest));
                this.watch.sent(fresh, sent - reached - fresh);
                reached = sent;
                this.furthest = Math.max(this.furthest, sent);
                if (fresh > 0 && this.mayResume) goneOn();
            }, offset);
        };
        try {
            await this.client.uploads.put(repository, digest, location, size, pieces, offset);
            body?.arrived();
        } catch (error) {
            if (this.mayResume && isRetryable(error)) this.broken = location;
            else await this.client.uploads.cancel(repository, location);
            throw error;
        }
    }

    /** Where the broken upload ended; undefined if the registry cannot say. */
    private async resumed(): Promise<Place | undefined> {
        const { broken, blob } = this;
        if (broken === undefined) return undefined;
        const status = await this.client.uploads.status(blob.repository, broken);
        this.broken = undefined;
        debug("transfer", () => `${blob.repository}/blobs/${blob.digest}: ${resumeText(status?.offset)}`);
        if (status !== undefined && status.offset < blob.size) return status;
        await this.client.uploads.cancel(blob.repository, broken);
        return undefined;
    }

    private async anew(): Promise<Place> {
        const { repository, digest } = this.blob;
        const begun = await this.client.uploads.start(repository, digest);
        if (!begun.mounted) return { location: begun.location, offset: 0 };
        throw new RegistryError("the registry mounted the blob without being asked to", {
            registry: this.client.host,
            operation: `POST ${repository}/blobs/uploads`,
            thing: `blob ${digest}`,
            code: "UNEXPECTED_RESPONSE",
            fix: "check what stands in front of the registry",
        });
    }
}

function beginText({ mountFrom, size }: BlobTask, isMounted: boolean): string {
    if (isMounted) return `mounted from ${mountFrom ?? "another repository"}`;
    const refused = mountFrom === undefined ? "" : `the registry did not mount it from ${mountFrom}, `;
    return `${refused}upload of ${size} bytes`;
}

function resumeText(offset: number | undefined): string {
    return offset === undefined ? "begun again, the registry kept nothing of it" : `resumed at byte ${offset}`;
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
