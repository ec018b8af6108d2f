import { Agent, type Dispatcher, errors, request } from "undici";
import { withoutSecrets } from "../../redaction/redaction";
import { RegistryError, type RequestContext } from "../../errors/errors";
import { hostName } from "../../http/hostname";
import { createConnector } from "./connector";
import { isLoopback } from "../../http/loopback";
import { ProxyError } from "./proxy-error";
import { type ProxySettings, ignoredProxyNote } from "./proxy-settings";
import { resumeHint } from "./resume-hint";
import { requestSecrets } from "./request-log";
import { DEFAULT_TIMEOUTS, type Timeouts, storeTimeout } from "./timeouts";
import type { ClientCertificate } from "../../http/secure-context";
import { tlsError } from "./tls-errors";

/** Where a registry is reached. */
export interface RegistryEndpoint {
    /** `host` or `host:port`. */
    readonly host: string;
    /** PEM of the issuing CAs, in addition to the public ones. */
    readonly ca?: string;
    /** Shown to servers with the registry's host name. */
    readonly clientCertificate?: ClientCertificate;
    /** Connections with TLS go through it; absent: they are direct. */
    readonly proxy?: ProxySettings;
    /** HTTP without TLS; loopback only. */
    readonly plainHttp?: boolean;
    /** Default: DEFAULT_TIMEOUTS. */
    readonly timeouts?: Timeouts;
}

export interface HttpRequest {
    readonly method: "GET" | "HEAD" | "PUT" | "POST" | "PATCH" | "DELETE";
    readonly url: URL;
    /** What is being done, for errors: "HEAD mirror/quay.io/org/app/manifests/1.2". */
    readonly operation: string;
    /** The account that it is made with, for errors. */
    readonly account?: string | undefined;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: Buffer | AsyncIterable<Uint8Array>;
    /** Bytes that the server stores before it responds; absent: those of a body that is no stream. */
    readonly storedBytes?: number | undefined;
    readonly signal?: AbortSignal | undefined;
}

export interface HttpResponse {
    /** Of the request, for errors. */
    readonly context: RequestContext;
    /** What was asked, after redirects: relative URLs in the response are resolved against it. */
    readonly url: URL;
    readonly status: number;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    /** The body's bytes; a connection that breaks while they come throws a RegistryError. */
    bytes(): AsyncIterable<Buffer>;
    /** At most the first 64 KiB of the body, as text; of an error without the secrets of its request. */
    text(): Promise<string>;
    /** Reads the body to the end and forgets it: the socket is free again. */
    discard(): Promise<void>;
}

/** One HTTP/1.1 client for one registry: TLS always verified, sockets kept, every failure a RegistryError. */
export class Transport {
    readonly origin: string;
    private readonly agent: Agent;
    private readonly timeouts: Timeouts;
    /** The host name that gets the client certificate; absent: there is none. */
    private readonly certificateHost: string | undefined;
    private readonly proxy: ProxySettings | undefined;

    /** @param opened gets the milliseconds of a round trip to the registry, whenever a connection with it was opened */
    constructor(endpoint: RegistryEndpoint, connections: number, opened?: (roundTrip: number) => void) {
        if (endpoint.plainHttp && !isLoopback(endpoint.host)) {
            throw new RegistryError("plain HTTP is for loopback only", {
                registry: endpoint.host,
                code: "TLS",
                fix: "serve the registry with TLS and give its CA",
            });
        }
        // As URLs write it: without the port that goes without saying.
        this.origin = new URL(`${endpoint.plainHttp ? "http" : "https"}://${endpoint.host}`).origin;
        this.timeouts = endpoint.timeouts ?? DEFAULT_TIMEOUTS;
        this.proxy = endpoint.proxy;
        this.certificateHost = endpoint.clientCertificate === undefined ? undefined : hostName(endpoint.host);
        this.agent = new Agent({
            connections,
            // Also with plain HTTP: such a registry may name a token endpoint with TLS.
            connect: createConnector({
                timeout: this.timeouts.connect,
                ca: endpoint.plainHttp ? undefined : endpoint.ca,
                host: endpoint.host,
                clientCertificate: endpoint.clientCertificate,
                proxy: endpoint.proxy,
                opened,
            }),
            keepAliveTimeout: 30_000,
            // Single sign-on and CDNs add cookies and policies; by default the limit is 16 KiB.
            maxHeaderSize: MAX_HEADER_BYTES,
            headersTimeout: this.timeouts.response,
            bodyTimeout: this.timeouts.piece,
        });
    }

    /** @throws RegistryError `NETWORK`, `TIMEOUT` or `TLS`; whatever the body's iterator threw; the signal's reason. */
    async send(options: HttpRequest): Promise<HttpResponse> {
        const { method, url, headers, body, signal, operation, account } = options;
        const context = { operation, method, registry: url.host, account };
        const stored = options.storedBytes ?? (method === "PUT" && Buffer.isBuffer(body) ? body.length : undefined);
        const asked = {
            ...{ context, url, patience: this.timeouts.piece },
            hide: (text: string) => withoutSecrets(text, requestSecrets(headers ?? {})),
            hasCertificate: hostName(url.host) === this.certificateHost,
            proxyNote: this.proxy === undefined ? ignoredProxyNote(url.host) : undefined,
        };
        try {
            const response = await request(url, {
                method,
                dispatcher: this.agent,
                headers: { "user-agent": "registry-passthrough", ...headers },
                // By default undici ends the connection after each HEAD: a handshake for every question.
                ...(method === "HEAD" ? { reset: false } : {}),
                ...(stored === undefined ? {} : { headersTimeout: storeTimeout(this.timeouts, stored) }),
                ...(body === undefined ? {} : { body: body as Buffer }),
                ...(signal ? { signal } : {}),
            });
            return httpResponse(response, asked);
        } catch (error) {
            signal?.throwIfAborted();
            throw transportError(asked, error);
        }
    }

    /** Closes every socket at once; requests under way fail. */
    async close(): Promise<void> {
        await this.agent.destroy();
    }
}

const MAX_HEADER_BYTES = 256 * 1024;
const MAX_ERROR_TEXT = 64 * 1024;
/** Leaving the loop closes the socket: cheaper than reading on, and a response may have no end. */
const MAX_DISCARDED = 1024 * 1024;

interface Asked {
    readonly context: RequestContext;
    readonly url: URL;
    /** Milliseconds that one piece of the body may take. */
    readonly patience: number;
    /** Takes the secrets of the request out of a text that may repeat them. */
    readonly hide: (text: string) => string;
    /** Whether the connection had a client certificate to show. */
    readonly hasCertificate: boolean;
    /** Why a connection may fail that a proxy of the environment would let through. */
    readonly proxyNote: string | undefined;
}

function httpResponse(response: Dispatcher.ResponseData, asked: Asked): HttpResponse {
    const { context, url, patience, hide } = asked;
    async function* bytes(): AsyncIterable<Buffer> {
        try {
            yield* withLeastSpeed(response.body as AsyncIterable<Buffer>, context, patience);
        } catch (error) {
            throw transportError(asked, error);
        }
    }
    return {
        context,
        url,
        status: response.statusCode,
        headers: response.headers,
        bytes,
        text: async () => {
            const chunks: Buffer[] = [];
            let length = 0;
            for await (const chunk of bytes()) {
                if (length < MAX_ERROR_TEXT) chunks.push(chunk);
                length += chunk.length;
                if (length > MAX_DISCARDED) break;
            }
            const text = Buffer.concat(chunks).subarray(0, MAX_ERROR_TEXT).toString("utf8");
            return response.statusCode < 400 ? text : hide(text);
        },
        discard: async () => {
            let left = MAX_DISCARDED;
            for await (const chunk of bytes()) {
                left -= chunk.length;
                if (left < 0) break;
            }
        },
    };
}

/** A response with less in the time that one piece may take would hold its request for days. */
const LEAST_BYTES = 16 * 1024;

async function* withLeastSpeed(
    body: AsyncIterable<Buffer>,
    context: RequestContext,
    patience: number,
): AsyncIterable<Buffer> {
    let since = Date.now();
    let received = 0;
    for await (const chunk of body) {
        received += chunk.length;
        if (Date.now() - since > patience) {
            if (received < LEAST_BYTES) throw tooSlow(context, received, patience);
            since = Date.now();
            received = 0;
        }
        yield chunk;
    }
}

function tooSlow(context: RequestContext, bytes: number, patience: number): RegistryError {
    return new RegistryError(`no response in time (${bytes} bytes in ${patience / 1000} s)`, {
        ...context,
        code: "TIMEOUT",
        fix: `check the network and what stands in front of the registry${resumeHint(context)}`,
    });
}

const TIMEOUT_CODES = new Set([
    "UND_ERR_CONNECT_TIMEOUT",
    "UND_ERR_HEADERS_TIMEOUT",
    "UND_ERR_BODY_TIMEOUT",
    "ETIMEDOUT",
]);
const NETWORK_CODES = new Set([
    "ECONNREFUSED",
    "ECONNRESET",
    "EPIPE",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ENOTFOUND",
    "EAI_AGAIN",
    // The other side closed, also a kept connection just when a request was written on it.
    "UND_ERR_SOCKET",
    // A proxy that loses its registry ends the response early, but in good order.
    "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
]);

/** Errors that are not the network's (a body iterator's own ArchiveError, a bug) pass through unchanged. */
function transportError({ context, hasCertificate, proxyNote }: Asked, error: unknown): unknown {
    if (error instanceof ProxyError) {
        const { code, fix, problem } = error;
        return new RegistryError(problem, { ...context, code, fix: `${fix}${resumeHint(context)}`, cause: error });
    }
    if (error instanceof errors.HTTPParserError) {
        return new RegistryError(`the response is not HTTP: ${error.message}`, {
            ...context,
            code: "UNEXPECTED_RESPONSE",
            fix: "check the port in site.registry.mirrorBase or pushHost",
            cause: error,
        });
    }
    if (error instanceof errors.HeadersOverflowError) {
        return new RegistryError(`the response has more than ${MAX_HEADER_BYTES / 1024} KiB of headers`, {
            ...context,
            code: "UNEXPECTED_RESPONSE",
            fix: "check what stands in front of the registry",
            cause: error,
        });
    }
    const code = systemCode(error);
    if (code === undefined) return error;
    const tls = tlsError(context, error as Error, code, hasCertificate);
    if (tls !== undefined) return tls;
    const { registry } = context;
    const note = proxyNote === undefined ? "" : ` (${proxyNote})`;
    const fix = `check that the registry runs and that ${registry} can be reached from here${note}${resumeHint(context)}`;
    const facts = { ...context, fix, cause: error };
    if (TIMEOUT_CODES.has(code))
        return new RegistryError(`no response in time (${code})`, { ...facts, code: "TIMEOUT" });
    if (code === "UND_ERR_CLOSED" || code === "UND_ERR_DESTROYED") {
        return new RegistryError("given up, since the run has ended", { ...context, code: "ABORTED", cause: error });
    }
    if (NETWORK_CODES.has(code)) return new RegistryError(`no connection (${code})`, { ...facts, code: "NETWORK" });
    return error;
}

/** The error's own code; an AggregateError over several addresses carries that of the last one. */
function systemCode(error: unknown): string | undefined {
    if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
    return typeof error.code === "string" ? error.code : undefined;
}
