import type { Credentials } from "../../http/credentials";
import type { RetryPolicy } from "../../concurrency/retry";
import { type RegistryError, toProblem } from "../../errors/errors";
import type { Problem } from "../../errors/problem";
import { DEFAULT_REQUESTS, type HostLimiter } from "../limits/host-limiter";
import { MANIFEST_MEDIA_TYPES } from "../../oci/media-types";
import { foreignAbsence, provesAbsence, responseError } from "./response-errors";
import { type RegistryRequest, RegistrySession } from "./registry-session";
import { pullScopes, pushScopes } from "./request-scopes";
import { DEFAULT_RETRY, isBlobUnknown, isBusy, withRetry } from "../limits/retry";
import type { HttpResponse, RegistryEndpoint } from "../http/transport";

export interface RegistryClientOptions {
    readonly endpoint: RegistryEndpoint;
    readonly credentials?: Credentials | undefined;
    /** The most requests in flight to the host, over all clients of the process; absent: as it was set before. */
    readonly requests?: number | undefined;
    /** Sockets kept to the registry; absent: one for each of `requests`, and one for bytes that an upload reads back. */
    readonly connections?: number;
    readonly retry?: RetryPolicy;
    /** Bytes of the largest request body that the registry, and what stands in front of it, accepts; absent: not known. */
    readonly maxBody?: number | undefined;
    /** Ends every request under way. */
    readonly signal?: AbortSignal;
}

/** Requests beside those that carry blobs: questions, manifests. */
const SMALL_REQUESTS = 8;

/** The most requests that a client may have in flight that sends up to so many blobs at once. */
export function requestsFor(blobs: number): number {
    return Math.max(DEFAULT_REQUESTS, blobs + SMALL_REQUESTS);
}

/** Why a client is waiting instead of working. */
export interface Wait {
    readonly problem: Problem;
    /** Until the next attempt. */
    readonly seconds: number;
    /** Requests that may be in flight to the host from now on. */
    readonly requests: number;
}

/**
 * What a 404 to HEAD is worth. It may be a gateway's, which has no body that would tell: `confirmed` asks with GET as well.
 * `assumed` is for content that is sent if it is absent: a wrong 404 then costs its bytes, and nothing is lost. `expected` is
 * confirmed too, with GET in place of HEAD: one request for what is probably absent.
 */
export type Absence = "confirmed" | "assumed" | "expected";

/** Replicated storage is consistent within this, or never. */
const LAG_SECONDS = 10;

/** How requests of the distribution API are made, sent and repeated. */
export class RegistryCalls {
    readonly session: RegistrySession;
    readonly retry: RetryPolicy;
    readonly signal: AbortSignal | undefined;
    private readonly listeners = new Set<(wait: Wait) => void>();

    constructor({ endpoint, credentials, requests, connections, retry, signal }: RegistryClientOptions) {
        const sockets = connections ?? (requests ?? DEFAULT_REQUESTS) + 1;
        this.retry = retry ?? DEFAULT_RETRY;
        this.signal = signal;
        this.session = new RegistrySession(endpoint, credentials, sockets, this.retry);
        if (requests !== undefined) this.hostLimiter.setCeiling(requests);
    }

    get hostLimiter(): HostLimiter {
        return this.session.hostLimiter;
    }

    /** Reports every wait from now on. @returns a function that ends the reports */
    onWait(listener: (wait: Wait) => void): () => void {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
    }

    read(method: "GET" | "HEAD", repository: string, path: string): RegistryRequest {
        return {
            method,
            url: `/v2/${repository}/${path}`,
            operation: `${method} ${repository}/${path}`,
            scopes: pullScopes(repository),
            headers: path.startsWith("manifests/") ? { accept: MANIFEST_MEDIA_TYPES.join(", ") } : {},
        };
    }

    write(method: "PUT" | "POST" | "DELETE", repository: string, path: string): RegistryRequest {
        const operation = `${method} ${repository}/${path.replace(/\?.*$/, "")}`;
        return { method, url: `/v2/${repository}/${path}`, operation, scopes: pushScopes(repository) };
    }

    /** Sends a request until `take` accepts the response, by the retry policy. */
    run<T>(request: RegistryRequest, take: (response: HttpResponse) => Promise<T>): Promise<T> {
        const signal = this.endOf(request);
        const send = async () => take(await this.session.send({ ...request, signal }));
        return this.retrying(send, signal);
    }

    /** What ends a request: the end of the client's run, or its own. */
    private endOf({ signal }: RegistryRequest): AbortSignal | undefined {
        const signals = [this.signal, signal].filter((one) => one !== undefined);
        return signals.length > 1 ? AbortSignal.any(signals) : signals[0];
    }

    /**
     * Sends a read; `take` gets the response only if it is 200.
     * @returns undefined only if the registry itself reports that it does not exist; a response to HEAD has no body that
     * could, so its 404 is confirmed by GET, unless absence may be assumed
     */
    find<T>(
        request: RegistryRequest,
        take: (response: HttpResponse) => Promise<T>,
        absence: Absence = "confirmed",
    ): Promise<T | undefined> {
        const isHead = request.method === "HEAD";
        return this.run(request, async (response) => {
            if (response.status === 200) return take(response);
            const text = await response.text();
            if (response.status !== 404) throw responseError(response, text);
            if (!isHead && !provesAbsence(text)) throw foreignAbsence(response.context);
            if (!isHead || absence === "assumed" || (await this.confirmsAbsence(request))) return undefined;
            // Somebody else may have put it there between HEAD and GET.
            const again = await this.session.send({ ...request, signal: this.signal });
            if (again.status === 200) return take(again);
            await again.discard();
            throw foreignAbsence(again.context);
        });
    }

    /** Runs an operation under the retry policy; a registry that takes nothing is left alone by every request meanwhile. */
    retrying<T>(operation: (goneOn: () => void) => Promise<T>, signal = this.signal): Promise<T> {
        return withRetry(this.retry, signal, operation, (error, milliseconds) => {
            if (isBusy(error)) this.hostLimiter.leaveAlone(milliseconds, error);
            this.reportWait(error, milliseconds);
        });
    }

    /** Repeats the put of an image whose blobs were just sent, for as long as an instance may lag behind. */
    afterUploads<T>(operation: () => Promise<T>): Promise<T> {
        const policy = { ...this.retry, seconds: Math.min(this.retry.seconds, LAG_SECONDS) };
        return withRetry(policy, this.signal, operation, (error, wait) => this.reportWait(error, wait), isBlobUnknown);
    }

    private reportWait(error: RegistryError, milliseconds: number): void {
        const { requests } = this.hostLimiter;
        const wait = { problem: toProblem(error), seconds: milliseconds / 1000, requests };
        for (const listener of this.listeners) listener(wait);
    }

    /**
     * @returns false if GET finds it
     * @throws RegistryError if the response to GET is neither that nor the registry's own 404
     */
    private async confirmsAbsence(head: RegistryRequest): Promise<boolean> {
        const operation = head.operation.replace(/^HEAD/, "GET");
        // If it exists after all, one byte is enough to know.
        const headers = { ...head.headers, range: "bytes=0-0" };
        const response = await this.session.send({ ...head, method: "GET", operation, headers, signal: this.signal });
        if (response.status !== 404) {
            await response.discard();
            if (response.status >= 400 && response.status !== 416) throw responseError(response, "");
            return false;
        }
        if (!provesAbsence(await response.text())) throw foreignAbsence(response.context);
        return true;
    }
}
