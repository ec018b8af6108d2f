import { Limiter } from "../../concurrency/limiter";
import { untilAborted } from "../../concurrency/until-aborted";
import { BODY_FIX } from "../auth/body-refusals";
import { debug } from "../../debug/debug";
import { RegistryError } from "../../errors/errors";
import type { Digest } from "../../oci/digest";
import { BegunBody } from "./begun-body";
import { ByteQueue } from "./byte-queue";
import { ChunkSize, MOST_AGAIN } from "./chunk-size";
import { readBegunUpload, uploadRequest } from "./begun-upload";
import { responseError } from "./response-errors";
import type { RegistryCalls } from "./registry-calls";
import { pushScopes } from "./request-scopes";
import { StallWatch } from "../http/stall-watch";
import type { HttpResponse } from "../http/transport";
import { isRetryable } from "../limits/retry";
import { OpenUploads, type UploadStatus } from "./open-uploads";
import { type PostOutcome, SinglePosts, type SmallBlob } from "./single-posts";
import { explainUploadFailure, withDigest } from "./upload-url";

/** An upload as distribution-spec, "Pushing a blob monolithically" (POST then PUT), begins it. */
export type UploadStart = { readonly mounted: true } | { readonly mounted: false; readonly location: URL };

/** How an upload goes on. */
export interface PutOptions {
    /** Bytes that the registry has already; default: none. */
    readonly offset?: number;
    /** Called when the upload goes on elsewhere than where it was begun, or was begun anew. */
    readonly moved?: (location: URL) => void;
}

/** One blob on its way. */
interface Upload {
    readonly repository: string;
    readonly digest: Digest;
    readonly location: URL;
    /** Bytes of the whole blob. */
    readonly size: number;
    /** Bytes that the registry has already. */
    readonly offset: number;
    /** Yields exactly the bytes from `offset` to `size`. */
    readonly body: () => AsyncIterable<Uint8Array>;
    readonly moved: (location: URL) => void;
}

/** One request with bytes of a blob. */
interface Part {
    readonly method: "PUT" | "PATCH";
    readonly url: URL;
    readonly headers: Readonly<Record<string, string>>;
    readonly bytes: number;
    /** Absent: no bytes are sent. */
    readonly body?: () => AsyncIterable<Uint8Array>;
}

/** Blobs that are sent in chunks side by side: each has up to 8 MiB in memory. */
const CHUNKED_AT_ONCE = 6;

/**
 * How blobs get into a registry: mounted, or sent with one PUT, small ones with the POST before it already
 * (distribution-spec, "Pushing Blobs"). Where that is not accepted, they are sent with PATCH, and above the largest body that
 * is accepted in chunks (docs/architecture.md).
 */
export class BlobUploads {
    private readonly chunks: ChunkSize;
    private readonly open: OpenUploads;
    private readonly posts: SinglePosts;
    /** What the registry was found to accept: undefined until a blob was sent. */
    private way: "put" | "patch" | undefined;
    /** A chunk is in memory while it is sent, and while it waits for that. */
    private readonly chunked = new Limiter(CHUNKED_AT_ONCE);
    /** Origins that bytes were sent to: what fails there later is no wrong upload URL. */
    private readonly reached = new Set<string>();

    constructor(
        private readonly calls: RegistryCalls,
        /** Milliseconds until a piece of a body has to be taken. */
        private readonly pieceTimeout: number | undefined,
        maxBody: number | undefined,
    ) {
        this.chunks = new ChunkSize(maxBody);
        this.open = new OpenUploads(calls);
        this.posts = new SinglePosts(calls, pieceTimeout);
    }

    /** True if blobs are sent with PATCH, since a PUT with bytes was rejected. */
    get usesPatch(): boolean {
        return this.way === "patch";
    }

    /** Bytes that bodies were found to be limited to (413); undefined: no limit was met, or it is configured. */
    get metLimit(): number | undefined {
        return this.chunks.learned;
    }

    /** Begins an upload; with `mountFrom` the registry may take the blob from there instead and need no bytes. */
    async start(repository: string, digest: Digest, mountFrom?: string): Promise<UploadStart> {
        const mount = mountFrom === undefined ? undefined : { digest, from: mountFrom };
        const request = uploadRequest(this.calls, repository, mount);
        return this.calls.run(request, async (response) => {
            const text = await response.text();
            if (response.status === 201 && mountFrom !== undefined) return { mounted: true };
            const { location } = readBegunUpload(this.calls, response, text);
            this.chunks.readLeast(response.headers["oci-chunk-min-length"]);
            return { mounted: false, location };
        });
    }

    /** True if a blob of so many bytes may be stored by one request, `post`. */
    mayPost(size: number): boolean {
        return this.chunks.chunkFor(size) === undefined && this.posts.mayTake(size);
    }

    /** As `SinglePosts.send`. */
    async post(blob: SmallBlob): Promise<PostOutcome | undefined> {
        return this.mayPost(blob.size) ? this.posts.send(blob) : undefined;
    }

    /** As `OpenUploads.status`. */
    status(repository: string, location: URL): Promise<UploadStatus | undefined> {
        return this.open.status(repository, location);
    }

    /** As `OpenUploads.cancel`. */
    cancel(repository: string, location: URL): Promise<boolean> {
        return this.open.cancel(repository, location);
    }

    /** As `OpenUploads.abandon`. */
    abandon(repository: string, location: URL): Promise<boolean> {
        return this.open.abandon(repository, location);
    }

    /**
     * Compares what was sent of a stream that broke with what the registry has kept of it. If it has lost more than may be
     * sent again (a proxy that takes whole bodies before it passes them on), large blobs are sent in chunks from now on.
     */
    compareLoss(sent: number, kept: number): void {
        if (sent - kept > MOST_AGAIN) this.chunks.streamLost();
    }

    /**
     * Sends a blob's bytes to an upload that was begun. Not retried: who calls decides how to go on.
     * @param body yields exactly the bytes from the offset to `size`.
     */
    async put(
        repository: string,
        digest: Digest,
        location: URL,
        size: number,
        body: () => AsyncIterable<Uint8Array>,
        { offset = 0, moved = () => undefined }: PutOptions = {},
    ): Promise<void> {
        const upload = { repository, digest, location, size, body, offset, moved };
        try {
            if (offset === size) await this.finishWhole(upload);
            else if (this.chunks.chunkFor(size - offset) !== undefined) await this.sendChunks(upload);
            else if (this.way === "patch" && offset === 0) await this.patchWhole(upload);
            else await this.putWhole(upload);
        } catch (error) {
            throw this.reached.has(location.origin)
                ? error
                : explainUploadFailure(error, this.calls.session.origin, location);
        }
    }

    /** One PUT with the whole body; if the registry or a proxy does not accept that, another way is found. */
    private async putWhole(upload: Upload): Promise<void> {
        const { offset, size } = upload;
        const bytes = size - offset;
        try {
            await (offset === 0 ? this.putBody(upload, upload.body) : this.putRest(upload));
            this.way = "put";
        } catch (error) {
            if (isTooLarge(error) && this.chunks.learn(bytes)) await this.sendChunks(upload);
            else if (offset === 0 && this.mayPatch(error)) await this.patchInstead(upload, error);
            else throw error;
        }
    }

    /**
     * Whoever reads the rest of a blob reads what is before it first, which takes minutes for a large one. No connection is
     * in use meanwhile: until it carries a byte, what stands in front of the registry takes it for an idle one and closes it.
     */
    private async putRest(upload: Upload): Promise<void> {
        const body = new BegunBody(upload.body);
        try {
            await untilAborted(body.begin(), this.calls.signal);
            await this.putBody(upload, () => body.chunks());
        } finally {
            body.close();
        }
    }

    private async putBody(upload: Upload, body: Upload["body"]): Promise<void> {
        const { digest, location, size, offset } = upload;
        const headers = offset === 0 ? {} : { "content-range": `${offset}-${size - 1}` };
        const url = withDigest(location, digest);
        await this.send(upload, { method: "PUT", url, headers, bytes: size - offset, body });
    }

    /** True for a registry that never accepted a PUT with bytes, and does not accept this one (older pulp_container). */
    private mayPatch(error: unknown): boolean {
        if (this.way === "put" || !(error instanceof RegistryError)) return false;
        return (
            error.code === "DIGEST_INVALID" || error.code === "SIZE_INVALID" || [405, 501].includes(error.status ?? 0)
        );
    }

    /** The rejected PUT may have ended its upload, so a new one is begun. */
    private async patchInstead(upload: Upload, rejected: unknown): Promise<void> {
        const { repository, digest } = upload;
        debug("transfer", () => `${repository}/blobs/${digest}: PUT with bytes was rejected, sent with PATCH`);
        await this.cancel(repository, upload.location);
        const begun = await this.start(repository, digest);
        if (begun.mounted) return;
        upload.moved(begun.location);
        try {
            await this.patchWhole({ ...upload, location: begun.location });
        } catch (error) {
            await this.cancel(repository, begun.location);
            // What the registry said first is about the way that it documents.
            throw error instanceof RegistryError && !isRetryable(error) ? rejected : error;
        }
    }

    /** POST, PATCH with all bytes, PUT without any: how container tools push. */
    private async patchWhole(upload: Upload): Promise<void> {
        const { location: url, size: bytes, body } = upload;
        const next = await this.send(upload, { method: "PATCH", url, headers: {}, bytes, body });
        await this.finish(upload, next);
        this.way = "patch";
    }

    private sendChunks(upload: Upload): Promise<void> {
        return this.chunked.run(() => this.sendChunksOf(upload));
    }

    /** distribution-spec, "Pushing a blob in chunks". */
    private async sendChunksOf(upload: Upload): Promise<void> {
        const queue = new ByteQueue(upload.body());
        try {
            let { location, offset } = upload;
            let rest: Buffer = Buffer.alloc(0);
            while (offset < upload.size) {
                const size = Math.min(this.chunks.chunkFor(upload.size) ?? upload.size, upload.size - offset);
                const chunk = rest.length > 0 ? rest.subarray(0, size) : await queue.take(size);
                const sent = await this.sendChunk({ ...upload, location, offset }, chunk);
                rest = rest.length > 0 ? rest.subarray(chunk.length) : rest;
                if (sent === undefined) {
                    rest = rest.length > 0 ? Buffer.concat([chunk, rest]) : chunk;
                    continue;
                }
                location = sent;
                offset += chunk.length;
                upload.moved(location);
            }
            await queue.end();
            await this.finish(upload, location);
        } finally {
            await queue.close();
        }
    }

    /** @returns where the upload goes on; undefined if the chunk was too large, and smaller ones are to be tried */
    private async sendChunk(upload: Upload, chunk: Buffer): Promise<URL | undefined> {
        const { location: url, offset } = upload;
        const headers = { "content-range": `${offset}-${offset + chunk.length - 1}` };
        try {
            return await this.send(upload, {
                method: "PATCH",
                url,
                headers,
                bytes: chunk.length,
                body: () => split(chunk),
            });
        } catch (error) {
            if (isTooLarge(error) && this.chunks.learn(chunk.length)) return undefined;
            throw error;
        }
    }

    /** All bytes are there; those of the archive are read nevertheless, since whoever reads them proves them. */
    private async finishWhole(upload: Upload): Promise<void> {
        const queue = new ByteQueue(upload.body());
        await queue.take(1);
        await this.finish(upload, upload.location);
    }

    private async finish(upload: Upload, location: URL): Promise<void> {
        const url = withDigest(location, upload.digest);
        await this.send(upload, { method: "PUT", url, headers: {}, bytes: 0 });
    }

    /** @returns where the upload goes on */
    private async send({ repository, digest, size }: Upload, part: Part): Promise<URL> {
        const { method, url, bytes, body } = part;
        const operation = `${method} ${repository}/blobs/${digest}`;
        const context = { operation, method, registry: this.calls.session.host };
        const watch = new StallWatch(context, this.calls.signal, this.pieceTimeout);
        const response = await this.calls.session.send({
            ...{ method, url, operation },
            scopes: pushScopes(repository),
            signal: watch.signal,
            headers: {
                "content-type": "application/octet-stream",
                "content-length": String(bytes),
                ...part.headers,
            },
            ...(body === undefined || bytes === 0 ? {} : { body: () => watch.chunks(body()) }),
            blobBytes: bytes,
            // The last request of an upload may have no bytes of its own, and the whole blob is hashed then.
            storedBytes: method === "PUT" ? size : bytes,
        });
        const text = await response.text();
        if (response.status === 401) throw responseError(response, text, BODY_FIX);
        if (response.status !== (method === "PUT" ? 201 : 202)) throw responseError(response, text);
        this.reached.add(url.origin);
        const { location } = response.headers;
        return method === "PATCH" && typeof location === "string" ? this.namedUrl(response, location) : url;
    }

    private namedUrl(response: HttpResponse, location: string): URL {
        return this.calls.session.namedUrl(response.context, "an upload URL", location, response.url);
    }
}

function isTooLarge(error: unknown): error is RegistryError {
    return error instanceof RegistryError && error.code === "CONTENT_TOO_LARGE";
}

/** Small enough that a slow connection still takes one in time. */
const PIECE = 64 * 1024;

async function* split(bytes: Buffer): AsyncIterable<Uint8Array> {
    for (let at = 0; at < bytes.length; at += PIECE) yield await Promise.resolve(bytes.subarray(at, at + PIECE));
}
