import { Readable } from "node:stream";
import type { RegistryClient } from "../../distribution/client/registry-client";
import { ArchiveError, PassthroughError, toProblem } from "../../errors/errors";
import { formatWithoutFix } from "../../errors/format";
import type { ArchivePlace } from "../../errors/problem";
import type { BlobSource } from "../../mirror/image-set";
import { type Digest, computeDigest } from "../../oci/digest";
import { MAX_MANIFEST_BYTES } from "../../oci/manifest";
import { type BlobTask, type ImportPlan, manifestsToPut } from "../plan/plan";
import { notTried } from "../transfer/run-stop";
import type { BlobArrivals } from "../transfer/blob-arrivals";
import type { StreamedEntry } from "./archive-stream";
import { Awaited } from "./awaited";
import { PieceBudget } from "./piece-budget";
import { StoredBytes } from "./stored-bytes";
import { StreamedBlob } from "./streamed-blob";

/** Bytes of blobs that are read ahead, over all that are on their way. */
const READ_AHEAD = 32 * 1024 * 1024;
/** `<hex>`, `sha256:<hex>`, and what registries (`/data`) and skopeo's `dir:` (`.manifest.json`) write behind it. */
const NAMED_BY_DIGEST = /(?:^|[/:])([0-9a-f]{64})(?:\/data|\.manifest\.json)?$/;

/** A manifest that the plan puts. */
interface StreamedManifest {
    readonly size: number;
    readonly bytes: Awaited<Buffer>;
    place?: ArchivePlace;
}

/**
 * What a plan needs of an archive that passes by once: blobs while they are on their way, manifests until the end. What has
 * passed and is in the registry is read from there.
 */
export class StreamedContent implements BlobSource, BlobArrivals {
    protected readonly blobs = new Map<Digest, StreamedBlob>();
    private readonly manifests = new Map<Digest, StreamedManifest>();
    private readonly manifestSizes: ReadonlySet<number>;
    /** Those on their way whose memory can be had for others. A set may have thousands of blobs, and each piece asks. */
    private readonly large = new Set<StreamedBlob>();
    private readonly sizes = new Map<Digest, number>();
    /** Repositories that blobs can be read back from. */
    private readonly homes = new Map<Digest, string>();
    private readonly stored: StoredBytes;
    private readonly stopping = new AbortController();
    private readonly budget = new PieceBudget(READ_AHEAD, () => this.giveSentBack());

    /** @param label what the archive is called in errors */
    constructor(
        client: RegistryClient,
        plan: ImportPlan,
        protected readonly label: string,
    ) {
        this.stored = new StoredBytes(client);
        const tasks = plan.push.flatMap((image) => image.blobs);
        const count = new Map<Digest, number>();
        for (const { digest } of tasks) count.set(digest, (count.get(digest) ?? 0) + 1);
        for (const { digest, size, mountFrom } of tasks) {
            this.sizes.set(digest, size);
            if (mountFrom === undefined)
                this.blobs.set(digest, new StreamedBlob(digest, size, this.budget, count.get(digest) ?? 1));
        }
        for (const { digest, mountFrom } of tasks)
            if (mountFrom !== undefined && !this.blobs.has(digest)) this.homes.set(digest, mountFrom);
        for (const { digest, size } of plan.push.flatMap(manifestsToPut))
            if (!this.manifests.has(digest)) this.manifests.set(digest, { size, bytes: new Awaited() });
        this.manifestSizes = new Set([...this.manifests.values()].map(({ size }) => size));
    }

    /** Aborted when nothing more is wanted of the stream. */
    get stopped(): AbortSignal {
        return this.stopping.signal;
    }

    /** Takes what the plan needs of an entry. @throws what reading it throws */
    async take(entry: StreamedEntry): Promise<void> {
        const hex = NAMED_BY_DIGEST.exec(entry.name)?.[1];
        const digest = hex === undefined ? undefined : `sha256:${hex}`;
        const blob = digest === undefined ? undefined : this.blobs.get(digest);
        const manifest = digest === undefined ? undefined : this.manifests.get(digest);
        if (digest !== undefined && manifest?.bytes.isOpen === true) await this.takeManifest(entry, digest, manifest);
        else if (digest !== undefined && blob?.isExpected === true) {
            if (entry.size === blob.size) await this.takeBlob(entry, blob);
            else this.refuseBlob(entry, digest, blob);
        } else if (digest === undefined && this.manifestSizes.has(entry.size)) await this.takeUnnamed(entry);
    }

    /** Nothing more comes. @param error why the stream ended before its end */
    end(error?: unknown): void {
        const { aborted, reason } = this.stopped;
        const failure = (thing: string, place?: ArchivePlace): Error => {
            if (aborted) return reason as PassthroughError;
            return error === undefined ? this.missing(thing) : this.endedBefore(thing, error, place);
        };
        for (const [digest, blob] of this.blobs) blob.fail(failure(`blob ${digest}`, blob.place));
        for (const [digest, { bytes }] of this.manifests) if (bytes.isOpen) bytes.reject(failure(`manifest ${digest}`));
    }

    stop(reason: unknown): void {
        this.stopping.abort(notTried(reason));
        this.budget.close();
    }

    async arrival({ digest }: BlobTask): Promise<void> {
        const blob = this.blobs.get(digest);
        await blob?.begun.promise;
        if (blob !== undefined) blob.sending++;
    }

    inTurn<T>({ digest }: BlobTask, attempt: () => Promise<T>): Promise<T> {
        return this.homes.has(digest) ? this.stored.inTurn(attempt) : attempt();
    }

    /** A stream does not come again. */
    async comesAgain(_blob: BlobTask, _error: unknown, _sent: number): Promise<boolean> {
        return false;
    }

    /** An image is put as soon as all of it is there. */
    async mayPut(): Promise<void> {
        return undefined;
    }

    ended({ digest, repository, mountFrom }: BlobTask, isStored: boolean): void {
        if (isStored && !this.homes.has(digest)) this.homes.set(digest, repository);
        const blob = this.blobs.get(digest);
        // What was to be mounted did not wait for its arrival.
        if (blob !== undefined && mountFrom === undefined) blob.sending--;
        blob?.ended(isStored);
        if (blob?.isOver === true) this.large.delete(blob);
    }

    size(digest: Digest): number | undefined {
        return this.sizes.get(digest) ?? this.manifests.get(digest)?.size;
    }

    async read(digest: Digest): Promise<Buffer> {
        const manifest = this.manifests.get(digest);
        if (manifest === undefined) throw this.missing(`manifest ${digest}`);
        return manifest.bytes.promise;
    }

    open(digest: Digest, start = 0): Readable {
        const home = this.homes.get(digest);
        const blob = this.blobs.get(digest);
        if (home === undefined && blob === undefined) throw this.missing(`blob ${digest}`);
        const bytes = home === undefined ? blob?.read() : this.stored.read(home, digest);
        return Readable.from(behind(bytes as AsyncIterable<Buffer>, start));
    }

    place(digest: Digest): ArchivePlace {
        return this.blobs.get(digest)?.place ?? this.manifests.get(digest)?.place ?? { archive: this.label };
    }

    protected async takeBlob(
        { place, body }: Pick<StreamedEntry, "place" | "body">,
        blob: StreamedBlob,
    ): Promise<void> {
        blob.place = place;
        if (blob.mayGo) this.large.add(blob);
        await blob.fill(body());
    }

    private refuseBlob(entry: StreamedEntry, digest: Digest, blob: StreamedBlob): void {
        blob.place = entry.place;
        blob.fail(wrongSize(entry, digest, blob.size));
    }

    private async takeManifest(entry: StreamedEntry, digest: Digest, manifest: StreamedManifest): Promise<void> {
        manifest.place = entry.place;
        if (entry.size !== manifest.size || entry.size > MAX_MANIFEST_BYTES) {
            manifest.bytes.reject(wrongSize(entry, digest, manifest.size));
            return;
        }
        const bytes = await whole(entry);
        const found = computeDigest(bytes);
        if (found === digest) await this.keep(digest, manifest, bytes);
        else manifest.bytes.reject(wrongBytes(entry, digest, found));
    }

    /** Some layouts name manifests by tag, or not at all. */
    private async takeUnnamed(entry: StreamedEntry): Promise<void> {
        if (entry.size > MAX_MANIFEST_BYTES) return;
        const bytes = await whole(entry);
        const digest = computeDigest(bytes);
        const manifest = this.manifests.get(digest);
        if (manifest?.bytes.isOpen !== true) return;
        manifest.place = entry.place;
        await this.keep(digest, manifest, bytes);
    }

    /** A manifest may be a layer of another one, too. */
    private async keep(digest: Digest, manifest: StreamedManifest, bytes: Buffer): Promise<void> {
        manifest.bytes.resolve(bytes);
        const blob = this.blobs.get(digest);
        if (blob?.isExpected === true) await blob.fill(Readable.from([bytes]) as AsyncIterable<Buffer>);
    }

    /** What was sent of large blobs, the largest first: those of an upload that breaks may then be lacking. */
    private giveSentBack(): boolean {
        return [...this.large].sort((a, b) => b.size - a.size).some((blob) => blob.giveSentBack());
    }

    private missing(thing: string): ArchiveError {
        return new ArchiveError("it is not in the archive", {
            archive: this.label,
            thing,
            code: "ARCHIVE_BLOB_MISSING",
            fix: "give the archive that was locked, all of its parts",
        });
    }

    /** No ArchiveError: what has passed before is right, and the images that have all of it are not to be stopped. */
    protected endedBefore(
        thing: string,
        error: unknown,
        place: ArchivePlace = { archive: this.label },
    ): PassthroughError {
        const problem = toProblem(error);
        return new PassthroughError(`the stream ended before all of it had come: ${formatWithoutFix(problem)}`, {
            thing,
            place,
            code: problem.code,
            fix: "run the same command again with the whole archive: it sends only what is missing",
            cause: error,
        });
    }
}

async function whole(entry: StreamedEntry): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of entry.body()) pieces.push(piece);
    // A copy: a part of the stream's memory would keep all of it.
    return Buffer.concat(pieces);
}

/** All but the first bytes. */
async function* behind(bytes: AsyncIterable<Buffer>, start: number): AsyncGenerator<Buffer> {
    let left = start;
    for await (const piece of bytes) {
        const rest = piece.subarray(Math.min(left, piece.length));
        left -= piece.length - rest.length;
        if (rest.length > 0) yield rest;
    }
}

const COPY_AGAIN = "copy the archive again from the connected side and compare its checksum there";

function wrongSize({ size, place }: StreamedEntry, digest: Digest, expected: number): ArchiveError {
    return new ArchiveError(`${digest} has ${size} bytes, the lock says ${expected}`, {
        ...place,
        code: "ARCHIVE_SIZE_MISMATCH",
        fix: COPY_AGAIN,
    });
}

function wrongBytes({ place }: StreamedEntry, digest: Digest, found: Digest): ArchiveError {
    return new ArchiveError(`the bytes are ${found}, not ${digest}`, {
        ...place,
        code: "ARCHIVE_DIGEST_MISMATCH",
        fix: COPY_AGAIN,
    });
}
