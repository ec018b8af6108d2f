import { setTimeout as delay } from "node:timers/promises";
import type { HttpResponse } from "../http/transport";
import type { RegistryCalls } from "./registry-calls";
import type { RegistryRequest } from "./registry-session";
import { pushScopes } from "./request-scopes";
import { responseError } from "./response-errors";
import { withoutState } from "./upload-url";

/** Shorter than the time that the engine leaves an interrupted provider. */
const CANCEL_MS = 2000;
const CANCEL_TRIES = 5;

/** What a proxy says while the registry behind it starts again: nothing about the upload. */
const PASSING = new Set([429, 502, 503, 504]);

/** Milliseconds between two looks at an upload on which bytes of a broken connection may still arrive. */
const SETTLE_MS = 100;
const SETTLE_LOOKS = 50;

/** How far an upload has got. */
export interface UploadStatus {
    /** Where it goes on. */
    readonly location: URL;
    /** Bytes that the registry has; 0 also for a single one, since "0-0" is what registries say of both. */
    readonly offset: number;
}

/** Uploads that were begun and not ended (distribution-spec, "Resuming an interrupted upload", "Cancel a blob upload"). */
export class OpenUploads {
    constructor(private readonly calls: RegistryCalls) {}

    /**
     * How far an upload that broke has got, and where it goes on. Bytes that were on their way when it broke may still
     * arrive: the answer is that of when no more do.
     * @returns undefined if the registry does not know it, or does not say
     */
    async status(repository: string, location: URL): Promise<UploadStatus | undefined> {
        let last = await this.ask(repository, location);
        for (let looks = 0; last !== undefined && looks < SETTLE_LOOKS; looks++) {
            const { signal } = this.calls;
            await delay(SETTLE_MS, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted());
            const next = await this.ask(repository, location);
            if (next?.offset === last.offset) return next;
            last = next;
        }
        return last;
    }

    /**
     * Gives an upload up, so that the registry keeps nothing of it, also when the run was interrupted. Failing to is no
     * error: registries expire them.
     * @returns false if the registry may still have it, and it makes sense to ask again later
     */
    async cancel(repository: string, location: URL): Promise<boolean> {
        const signal = AbortSignal.timeout(CANCEL_MS);
        try {
            const status = await this.delete(repository, location, signal);
            // Bytes have arrived since the registry named the place, or it signs places otherwise since it was restarted.
            const isOutdated = [400, 404, 416].includes(status);
            return isOutdated ? await this.askAndDelete(repository, location, signal) : isSettled(status);
        } catch {
            return false;
        }
    }

    /** As `cancel`, for an upload of an earlier run: where it goes on is asked first. */
    async abandon(repository: string, location: URL): Promise<boolean> {
        return this.askAndDelete(repository, location, AbortSignal.timeout(CANCEL_MS)).catch(() => false);
    }

    private ask(repository: string, location: URL): Promise<UploadStatus | undefined> {
        return this.calls.run(this.statusRequest(repository, location), async (response) => {
            if (PASSING.has(response.status)) throw responseError(response, await response.text());
            return this.readStatus(response);
        });
    }

    /** More bytes may arrive while the registry reads what was on its way. */
    private async askAndDelete(repository: string, location: URL, signal: AbortSignal): Promise<boolean> {
        const question = this.statusRequest(repository, location);
        for (let tries = 0; tries < CANCEL_TRIES; tries++) {
            const now = await this.readStatus(await this.calls.session.send({ ...question, signal }));
            // distribution 2.8 does not answer without its state. Of an upload that has more bytes than its state says it
            // answers 404 to the end, too, and keeps them until it purges uploads.
            const status = await this.delete(repository, now?.location ?? location, signal);
            if (status !== 416) return isSettled(status);
        }
        return false;
    }

    /** @returns the status of the response */
    private async delete(repository: string, url: URL, signal: AbortSignal): Promise<number> {
        const operation = `DELETE ${repository}/blobs/uploads`;
        const request = { method: "DELETE" as const, url, operation, scopes: pushScopes(repository), signal };
        const response = await this.calls.session.send(request);
        await response.discard();
        return response.status;
    }

    private statusRequest(repository: string, location: URL): RegistryRequest {
        const operation = `GET ${repository}/blobs/uploads`;
        const { host } = this.calls.session;
        // One of an earlier run was read from a file.
        const named = this.calls.session.namedUrl({ operation, registry: host }, "an upload URL", location.href);
        return { method: "GET", url: withoutState(named), operation, scopes: pushScopes(repository) };
    }

    private async readStatus(response: HttpResponse): Promise<UploadStatus | undefined> {
        await response.discard();
        const { location: next, range } = response.headers;
        const last = typeof range === "string" ? Number(/^(?:bytes=)?0-(\d+)$/.exec(range)?.[1] ?? NaN) : NaN;
        if (response.status !== 204 || typeof next !== "string" || Number.isNaN(last)) return undefined;
        const location = this.calls.session.namedUrl(response.context, "an upload URL", next, response.url);
        return { location, offset: last === 0 ? 0 : last + 1 };
    }
}

/** True if there is nothing left to cancel, or the registry does not let uploads be cancelled. */
function isSettled(status: number): boolean {
    return status < 500 && ![401, 403, 408, 416, 429].includes(status);
}
