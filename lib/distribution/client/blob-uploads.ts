import { BODY_FIX } from "../auth/body-refusals";
import type { Digest } from "../../oci/digest";
import { responseError } from "./response-errors";
import type { RegistryCalls } from "./registry-calls";
import { type RegistryRequest, pushScopes } from "./registry-session";
import { StallWatch } from "../http/stall-watch";
import type { HttpResponse } from "../http/transport";

/** Shorter than what the engine leaves an interrupted provider for its last words. */
const CANCEL_MS = 2000;
const CANCEL_TRIES = 5;

/** An upload as distribution-spec, "Pushing a blob monolithically" (POST then PUT), begins it. */
export type UploadStart = { readonly mounted: true } | { readonly mounted: false; readonly location: URL };

/** How far an upload has got. */
export interface UploadStatus {
    /** Where it goes on. */
    readonly location: URL;
    /** Bytes that the registry has. */
    readonly offset: number;
}

/** How blobs get into a registry: mounted, or sent with one PUT (distribution-spec, "Pushing Blobs"). */
export class BlobUploads {
    constructor(
        private readonly calls: RegistryCalls,
        /** Milliseconds until a piece of a body has to be taken. */
        private readonly pieceTimeout: number | undefined,
    ) {}

    /** Begins an upload; with `mountFrom` the registry may take the blob from there instead and need no bytes. */
    async start(repository: string, digest: Digest, mountFrom?: string): Promise<UploadStart> {
        const mount = mountFrom === undefined ? "" : `?mount=${digest}&from=${encodeURIComponent(mountFrom)}`;
        const request: RegistryRequest = {
            ...this.calls.write("POST", repository, `blobs/uploads/${mount}`),
            scopes: pushScopes(repository, mountFrom),
            headers: { "content-length": "0" },
        };
        return this.calls.run(request, async (response) => {
            const text = await response.text();
            if (response.status === 201 && mountFrom !== undefined) return { mounted: true };
            const { location } = response.headers;
            if (response.status !== 202 || typeof location !== "string") {
                throw responseError(response, text);
            }
            return {
                mounted: false,
                location: this.calls.session.namedUrl(response.context, "an upload URL", location),
            };
        });
    }

    /**
     * How far an upload that broke has got, and where it goes on (distribution-spec, "Resuming an interrupted upload").
     * @returns undefined if the registry does not know, or keeps nothing of it
     */
    async status(repository: string, location: URL): Promise<UploadStatus | undefined> {
        const question = this.statusRequest(repository, location);
        return this.calls.run(question, async (response) => this.readStatus(response));
    }

    /**
     * Sends a blob's bytes with one PUT to an upload that was begun. Not retried: who calls decides how to go on.
     * @param body yields exactly the bytes from `offset` to `size`.
     */
    async put(
        repository: string,
        digest: Digest,
        location: URL,
        size: number,
        body: () => AsyncIterable<Uint8Array>,
        offset = 0,
    ): Promise<void> {
        const url = new URL(location);
        url.searchParams.set("digest", digest);
        const operation = `PUT ${repository}/blobs/${digest}`;
        const context = { operation, method: "PUT", registry: this.calls.session.host };
        const watch = new StallWatch(context, this.calls.signal, this.pieceTimeout);
        const response = await this.calls.session.send({
            method: "PUT",
            url,
            operation,
            scopes: pushScopes(repository),
            signal: watch.signal,
            headers: {
                "content-type": "application/octet-stream",
                "content-length": String(size - offset),
                ...(offset === 0 ? {} : { "content-range": `${offset}-${size - 1}` }),
            },
            body: () => watch.chunks(body()),
            blobBytes: size - offset,
        });
        const text = await response.text();
        if (response.status === 401) throw responseError(response, text, BODY_FIX);
        if (response.status !== 201) throw responseError(response, text);
    }

    /**
     * Gives an upload up, so that the registry keeps nothing of it, also when the run was interrupted. Failing to is no
     * error: registries expire them.
     */
    async cancel(repository: string, location: URL): Promise<void> {
        const signal = AbortSignal.timeout(CANCEL_MS);
        await this.cancelWithin(signal, repository, location).catch(() => undefined);
    }

    private async cancelWithin(signal: AbortSignal, repository: string, location: URL): Promise<void> {
        const remove = { method: "DELETE" as const, operation: `DELETE ${repository}/blobs/uploads` };
        const question = this.statusRequest(repository, location);
        let place: URL | undefined = location;
        for (let tries = 0; place !== undefined && tries < CANCEL_TRIES; tries++) {
            const request: RegistryRequest = { ...remove, url: place, scopes: question.scopes };
            const response = await this.calls.session.send({ ...request, signal });
            await response.discard();
            // Bytes came since the place was named; more may come while the registry still reads what was on its way.
            if (response.status !== 416) return;
            const now = await this.calls.session.send({ ...question, signal });
            place = (await this.readStatus(now))?.location;
        }
    }

    private statusRequest(repository: string, location: URL): RegistryRequest {
        const url = new URL(location);
        // The state in its query is that of before the bytes came; distribution answers with the one of now.
        url.search = "";
        return { method: "GET", url, operation: `GET ${repository}/blobs/uploads`, scopes: pushScopes(repository) };
    }

    private async readStatus(response: HttpResponse): Promise<UploadStatus | undefined> {
        await response.discard();
        const { location: next, range } = response.headers;
        const last = typeof range === "string" ? Number(/^(?:bytes=)?0-(\d+)$/.exec(range)?.[1] ?? NaN) : NaN;
        // "0-0" is also what a registry says that has nothing.
        if (response.status !== 204 || typeof next !== "string" || !(last > 0)) return undefined;
        return { location: this.calls.session.namedUrl(response.context, "an upload URL", next), offset: last + 1 };
    }
}
