import { PassthroughError } from "../../errors/errors";
import type { ArchivePlace } from "../../errors/problem";
import type { BlobSource } from "../../mirror/image-set";
import type { Digest } from "../../oci/digest";
import type { BlobTask } from "../plan/plan";
import type { StreamedEntry } from "./archive-stream";
import { Awaited } from "./awaited";
import type { StreamedBlob } from "./streamed-blob";
import { StreamedContent } from "./streamed-content";

/** As in streams, and what docker-archives name by digest: configs, and layers of podman, skopeo and crane. */
const NAMED_BY_DIGEST = /(?:^|[/:])([0-9a-f]{64})(?:\/data|\.manifest\.json|\.json|\.tar(?:\.gz)?)?$/;
/** A blob whose upload breaks late is read again so often: each time, all of the archive before it is unpacked. */
const MOST_READINGS = 3;

/**
 * What a plan needs of an archive whose compressed files pass by while it is opened: blobs are sent then. Manifests, and what
 * has not passed, are read from the archive once it is open and known to be right: no image is put before.
 */
export class PackedContent extends StreamedContent {
    private readonly archive = new Awaited<BlobSource>();
    private source: BlobSource | undefined;
    private isReading = false;
    private readonly readings = new Map<StreamedBlob, number>();

    /** @throws why nothing more is wanted */
    override async take(entry: StreamedEntry): Promise<void> {
        this.stopped.throwIfAborted();
        const hex = NAMED_BY_DIGEST.exec(entry.name)?.[1];
        const blob = hex === undefined ? undefined : this.blobs.get(`sha256:${hex}`);
        // What has another size is told by the comparison with the lock.
        if (blob?.isExpected === true && blob.size === entry.size) await this.takeBlob(entry, blob);
    }

    /** Images may be put, and what has not passed is read. @param source the whole archive */
    release(source: BlobSource): void {
        if (this.stopped.aborted) return;
        this.source = source;
        this.archive.resolve(source);
        this.readLeft(source);
    }

    override end(error?: unknown): void {
        super.end(error);
        this.archive.reject(
            new PassthroughError("the archive could not be read to its end", { code: "NOT_TRIED", cause: error }),
        );
    }

    override stop(): void {
        super.stop();
        this.end(this.stopped.reason);
    }

    override async mayPut(): Promise<void> {
        await this.archive.promise;
    }

    /** A blob of several repositories may be on its way to another one: it is left to the next run. */
    override async comesAgain({ digest }: BlobTask, error: unknown): Promise<boolean> {
        const blob = this.blobs.get(digest);
        const isPassed = error instanceof PassthroughError && error.code === "ARCHIVE_STREAM_PASSED";
        if (!isPassed || blob?.tasks !== 1 || this.stopped.aborted) return false;
        const count = (this.readings.get(blob) ?? 1) + 1;
        if (count > MOST_READINGS) return false;
        this.readings.set(blob, count);
        blob.again();
        if (this.source !== undefined) this.readLeft(this.source);
        await blob.begun.promise;
        return true;
    }

    override async read(digest: Digest): Promise<Buffer> {
        return (await this.archive.promise).read(digest);
    }

    override place(digest: Digest): ArchivePlace {
        return this.source?.place(digest) ?? super.place(digest);
    }

    private readLeft(source: BlobSource): void {
        if (this.isReading) return;
        this.isReading = true;
        const reading = async (): Promise<void> => {
            for (let left = this.left(source); left.length > 0; left = this.left(source))
                for (const [digest, blob] of left) await this.readBlob(source, digest, blob);
        };
        void reading()
            .catch((error: unknown) => this.end(error))
            .finally(() => (this.isReading = false));
    }

    /** What is still to come, in the order in which it lies in the archive: what is compressed is unpacked forwards. */
    private left(source: BlobSource): [Digest, StreamedBlob][] {
        const left = [...this.blobs].filter(([, blob]) => blob.isExpected && !blob.isOver);
        const placed = left.map((one) => ({ one, at: source.place(one[0]) ?? { archive: this.label } }));
        placed.sort(({ at: a }, { at: b }) => {
            if (a.archive !== b.archive) return a.archive < b.archive ? -1 : 1;
            return (a.offset ?? 0) - (b.offset ?? 0);
        });
        return placed.map(({ one }) => one);
    }

    private async readBlob(source: BlobSource, digest: Digest, blob: StreamedBlob): Promise<void> {
        const body = () => source.open(digest) as AsyncIterable<Buffer>;
        await this.takeBlob({ place: this.place(digest), body }, blob);
    }
}
