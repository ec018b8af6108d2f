import { PassthroughError, toProblem } from "../../errors/errors";
import { formatWithoutFix } from "../../errors/format";
import type { ArchivePlace } from "../../errors/problem";
import type { BlobSource } from "../../mirror/image-set";
import type { Digest } from "../../oci/digest";
import type { BlobTask } from "../plan/plan";
import type { StreamedEntry } from "./archive-stream";
import { hasPassed } from "../transfer/blob-upload";
import { Awaited } from "./awaited";
import type { StreamedBlob } from "./streamed-blob";
import { StreamedContent } from "./streamed-content";

/** As in streams, and what docker-archives name by digest: configs, and layers of podman, skopeo and crane. */
const NAMED_BY_DIGEST = /(?:^|[/:])([0-9a-f]{64})(?:\/data|\.manifest\.json|\.json|\.tar(?:\.gz)?)?$/;
/**
 * A blob whose upload breaks late is read so often without getting further by as much as is below: each time, all of the
 * archive before it is unpacked.
 */
const MOST_READINGS = 3;
const FURTHER_BYTES = 64 * 1024 * 1024;

/**
 * What a plan needs of an archive whose compressed files pass by while it is opened: blobs are sent then. Manifests, and what
 * has not passed, are read from the archive once it is open and known to be right: no image is put before.
 */
export class PackedContent extends StreamedContent {
    private readonly archive = new Awaited<BlobSource>();
    private source: BlobSource | undefined;
    private isReading = false;
    private isEnded = false;
    private readonly readings = new Map<StreamedBlob, { readonly count: number; readonly sent: number }>();

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
        this.isEnded = true;
        super.end(error);
        const { aborted, reason } = this.stopped;
        this.archive.reject(aborted ? (reason as PassthroughError) : this.endedBefore(this.label, error));
    }

    override stop(reason: unknown): void {
        super.stop(reason);
        this.end(reason);
    }

    override async mayPut(): Promise<void> {
        await this.archive.promise;
    }

    /** A blob may be on its way to another repository, too: then it is left to the next run. */
    override async comesAgain({ digest }: BlobTask, error: unknown, sent: number): Promise<boolean> {
        const blob = this.blobs.get(digest);
        if (!hasPassed(error) || blob?.sending !== 1 || this.isEnded) return false;
        const before = this.readings.get(blob) ?? { count: 1, sent: 0 };
        const isFurther = sent - before.sent >= FURTHER_BYTES;
        const count = isFurther ? 2 : before.count + 1;
        if (count > MOST_READINGS) return false;
        this.readings.set(blob, { count, sent: isFurther ? sent : before.sent });
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

    /** The archive may be whole, and not what the lock says. */
    protected override endedBefore(_thing: string, error: unknown): PassthroughError {
        // What differs from the lock is told once, by the error itself.
        const problem = { ...toProblem(error), problems: [] };
        return new PassthroughError(`nothing more of the archive is imported: ${formatWithoutFix(problem)}`, {
            code: "NOT_TRIED",
            fix: problem.fix,
            cause: error,
        });
    }

    private readLeft(source: BlobSource): void {
        if (this.isReading) return;
        this.isReading = true;
        const reading = async (): Promise<void> => {
            for (let left = this.left(source); left.length > 0; left = this.left(source))
                for (const [digest, blob] of left) await this.readBlob(source, digest, blob);
            // At once: what is to come again from now on has to be read.
            this.isReading = false;
        };
        void reading().catch((error: unknown) => this.end(error));
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
