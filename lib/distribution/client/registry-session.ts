import { setTimeout as delay } from "node:timers/promises";
import { type Challenge, parseChallenges } from "../auth/challenge";
import { type Credentials, basicAuthorization } from "../../http/credentials";
import { BodyRefusals, isHeavy } from "../auth/body-refusals";
import { debug } from "../../debug/debug";
import { RegistryError, type RequestContext } from "../../errors/errors";
import { isLoopback } from "../../http/loopback";
import { type HostLimiter, hostLimiter } from "../limits/host-limiter";
import type { Departure } from "../limits/host-pace";
import { RegistryTokens, bearer, isBearer } from "../auth/token-cache";
import { limitedResponse } from "./limited-response";
import { FirstTurn } from "../../concurrency/first-turn";
import type { RetryPolicy } from "../../concurrency/retry";
import { TokenRefusals } from "../auth/token-refusals";
import { openTransport } from "../http/open-transport";
import type { HttpResponse, HttpRequest, RegistryEndpoint, Transport } from "../http/transport";

/** A request to the registry, before it is authorized. */
export interface RegistryRequest extends Omit<HttpRequest, "url" | "body"> {
    /** Path on the registry, or a URL it gave us (a Location). */
    readonly url: string | URL;
    /** The token scopes the request needs, as `repository:<name>:<actions>`. */
    readonly scopes: readonly string[];
    /** Made anew for every attempt, so that a body is replayed from its start. */
    readonly body?: () => Buffer | AsyncIterable<Uint8Array>;
    /** Bytes of the blob that is the body; absent: it is none. */
    readonly blobBytes?: number;
    /** Bytes of a blob that the registry stores before it responds. */
    readonly storedBytes?: number;
    /** The response is a blob. */
    readonly readsBlob?: boolean;
}

/** A response, the authorization that its request had, and whether it is the registry's own. */
interface Answered {
    readonly used: string | undefined;
    readonly response: HttpResponse;
    readonly isOwn: boolean;
}

const MAX_REDIRECTS = 5;

/**
 * Authorized requests to one registry: responds to its challenge with Basic or a bearer token (distribution, "Token
 * Authentication Specification"), renews tokens before they end and on a 401, follows redirects.
 * Credentials are only ever sent to the registry's own origin and to the token endpoint it names.
 */
export class RegistrySession {
    /** `host[:port]`, for errors. */
    readonly host: string;
    /** Shared with every other session with this registry in the process. */
    readonly hostLimiter: HostLimiter;
    private readonly transport: Transport;
    private readonly tokens: RegistryTokens;
    private readonly refusals = new TokenRefusals();
    private readonly bodies: BodyRefusals;
    private challenge: Challenge | undefined;
    /** What the registry asks for is not known before its first response: others would all be rejected, and sent again. */
    private readonly first = new FirstTurn();

    constructor(
        endpoint: RegistryEndpoint,
        private readonly credentials: Credentials | undefined,
        connections: number,
        private readonly retry: RetryPolicy,
    ) {
        this.host = endpoint.host;
        this.bodies = new BodyRefusals(endpoint.host);
        this.transport = openTransport(endpoint, connections, (roundTrip) => this.hostLimiter.opened(roundTrip));
        this.tokens = new RegistryTokens(this.transport);
        this.hostLimiter = hostLimiter(this.transport.origin);
    }

    /** Of the registry itself: the only place that gets the account, beside the token endpoint that it names. */
    get origin(): URL {
        return new URL(this.transport.origin);
    }

    /** Milliseconds that a wait the registry asked for may hold a request back. */
    private get patience(): number {
        return this.retry.seconds * 1000;
    }

    /**
     * The response with any status but a 401 that credentials could avoid. The request counts as in flight, for the
     * host's limiter, until the response's body has been read.
     * @throws RegistryError
     */
    async send(request: RegistryRequest): Promise<HttpResponse> {
        const { operation, signal } = request;
        const pass = await this.hostLimiter.enter(operation, this.patience, signal, departure(request));
        try {
            return limitedResponse(await this.authorized(request), pass);
        } catch (error) {
            pass.failed(error);
            throw error;
        }
    }

    /**
     * A URL that the registry names (`what`: "a redirect"), relative to the one that was asked (RFC 9110 §10.2.2).
     * @throws RegistryError `UNEXPECTED_RESPONSE` if it is not a URL, `TLS` if it leads from TLS to plain HTTP, or beyond
     * loopback
     */
    namedUrl(context: RequestContext, what: string, text: string, from = new URL(this.transport.origin)): URL {
        if (!URL.canParse(text, from.href)) {
            throw new RegistryError(`the registry names ${what} that is not a URL`, {
                ...context,
                code: "UNEXPECTED_RESPONSE",
                fix: "check the registry's external URL and what stands in front of it",
            });
        }
        const url = new URL(text, from);
        const isPlainAllowed = from.protocol === "http:" && url.protocol === "http:" && isLoopback(url.host);
        if (url.protocol !== "https:" && !isPlainAllowed) {
            throw new RegistryError(`the registry names ${what} without TLS: ${url.origin}`, {
                ...context,
                code: "TLS",
                fix: "set the registry's external URL to https; a proxy in front of it has to send X-Forwarded-Proto: https",
            });
        }
        return url;
    }

    /** Requests with these scopes are about to be sent: they share tokens, as far as one token may hold. */
    shareTokens(requests: readonly (readonly string[])[]): void {
        this.tokens.groups.add(requests);
    }

    /** What the registry asks for, as it was read from its last challenge. */
    get lastChallenge(): Challenge | undefined {
        return this.challenge;
    }

    /** Of the token service that gets the account, if the registry names one at another host; known after a first request. */
    get foreignTokenHost(): string | undefined {
        const { scheme, parameters } = this.challenge ?? {};
        const { realm = "" } = parameters ?? {};
        if (this.credentials === undefined || scheme !== "bearer" || !URL.canParse(realm)) return undefined;
        const { host, hostname } = new URL(realm);
        return hostname === this.origin.hostname ? undefined : host;
    }

    /** The next request gets a new token. */
    forgetTokens(): void {
        this.tokens.clear();
    }

    async close(): Promise<void> {
        await this.transport.close();
    }

    private async authorized(request: RegistryRequest): Promise<HttpResponse> {
        const url = new URL(request.url, this.transport.origin);
        const { scopes, signal } = request;
        let firstRefusal: number | undefined;
        let wait = this.retry.firstDelay;
        let isFresh = false;
        for (let refused = 0; ;) {
            const { used, response, isOwn } = await this.tried(request, url, isFresh);
            // A place we were sent to must not name the token endpoint that gets the password.
            if (response.status !== 401 || !isOwn || this.credentials === undefined) {
                if (isOwn && response.status < 500 && isBearer(used)) this.refusals.accept();
                if (response.status === 401) this.noteFinal(request);
                return response;
            }
            if (isFresh) {
                refused++;
                firstRefusal ??= Date.now();
                // With Basic the account itself is rejected.
                const isOver = !isBearer(used) || isHeavy(request) || Date.now() + wait > firstRefusal + this.patience;
                const isGreeting = url.pathname === "/v2/";
                if (isOver || !this.refusals.mayRetry(readChallenge(response), refused, isGreeting)) {
                    this.noteFinal(request);
                    return response;
                }
            }
            // Most registries challenge each time; one that challenged before may have ended the token early.
            this.challenge = readChallenge(response) ?? this.challenge;
            await response.discard();
            this.tokens.drop(scopes, used);
            debug(
                "retry",
                () =>
                    `${request.operation}: 401 with ${used?.split(" ")[0] ?? "no account"}, ${refused} times with a new token`,
            );
            if (isFresh) {
                // Its own AbortError would hide why.
                await delay(wait, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted());
                wait = Math.min(wait * 2, this.retry.longestDelay);
            }
            isFresh = true;
        }
    }

    /** @param isFresh the request was rejected before, and its token is dropped */
    private async tried(request: RegistryRequest, url: URL, isFresh: boolean): Promise<Answered> {
        const attempt = async () => {
            // A large body must not be rejected since its token, fetched by another request meanwhile, is old.
            const notBefore = isFresh && isHeavy(request) ? Date.now() : undefined;
            const used = await this.authorization(request, notBefore);
            return { used, ...(await this.attempt(request, url, used)) };
        };
        const exchange = () => (isUpload(request) ? this.bodies.send(request, isFresh, attempt) : attempt());
        if (this.credentials === undefined) return exchange();
        return this.first.run(request.signal, async () => {
            const answered = await exchange();
            const { response, isOwn } = answered;
            if (isOwn && response.status === 401) this.challenge ??= readChallenge(response);
            return answered;
        });
    }

    private noteFinal(request: RegistryRequest): void {
        if (isUpload(request)) this.bodies.refuse(request);
    }

    /** @returns the last response of a chain of redirects, and whether all of them came from the registry itself. */
    private async attempt(
        request: RegistryRequest,
        url: URL,
        authorization: string | undefined,
    ): Promise<{ response: HttpResponse; isOwn: boolean }> {
        let target = url;
        let isOwn = true;
        for (let redirects = 0; ; redirects++) {
            // Whoever we were sent to may not send us back with the account.
            isOwn &&= target.origin === this.transport.origin;
            const response = await this.transport.send({
                method: request.method,
                url: target,
                operation: request.operation,
                signal: request.signal,
                storedBytes: request.storedBytes,
                account: isOwn && authorization !== undefined ? this.credentials?.username : undefined,
                headers: {
                    ...request.headers,
                    ...(isOwn && authorization !== undefined ? { authorization } : {}),
                },
                ...(request.body === undefined ? {} : { body: request.body() }),
            });
            const location = response.headers.location;
            if (!isFollowed(request.method, response.status) || typeof location !== "string") {
                return { response, isOwn };
            }
            await response.discard();
            target = this.namedUrl(response.context, "a redirect", location, target);
            if (redirects < MAX_REDIRECTS) continue;
            throw new RegistryError(`redirected ${redirects + 1} times, now to ${target.origin}`, {
                ...response.context,
                code: "UNEXPECTED_RESPONSE",
                fix: "check what stands in front of the registry",
            });
        }
    }

    private async authorization(request: RegistryRequest, notBefore?: number): Promise<string | undefined> {
        if (this.credentials === undefined || this.challenge === undefined) return undefined;
        if (this.challenge.scheme === "basic") return basicAuthorization(this.credentials);
        const context = { operation: request.operation, registry: this.host };
        const realm = this.namedUrl(context, "a token endpoint", this.challenge.parameters.realm ?? "");
        const { credentials, challenge } = this;
        const { scopes, operation, signal } = request;
        const token = { credentials, challenge, realm, scopes, operation, signal, notBefore };
        return bearer(await this.tokens.token(token));
    }
}

/** True for bytes of an upload that was begun. Where a POST is rejected, none may begin, which is no matter of bytes. */
function isUpload({ method, blobBytes }: RegistryRequest): boolean {
    return blobBytes !== undefined && method !== "POST";
}

/** What the request is to the host's limiter. How long a blob takes that is read, or only stored, says nothing of others. */
function departure({ method, blobBytes = 0, storedBytes, readsBlob = false }: RegistryRequest): Departure {
    if (readsBlob) return { load: "body" };
    if (blobBytes > 0) return { load: "body", name: method, bytes: blobBytes };
    return { load: "question", name: storedBytes === undefined ? method : undefined };
}

/** Other clients turn a write into GET where the status is 301 to 303 (RFC 9110 §15.4), so it must not be relied on. */
function isFollowed(method: HttpRequest["method"], status: number): boolean {
    const isRead = method === "GET" || method === "HEAD";
    return status === 307 || status === 308 || (isRead && [301, 302, 303].includes(status));
}

/** The challenge that can be met. */
function readChallenge(response: HttpResponse): Challenge | undefined {
    const challenges = parseChallenges(response.headers["www-authenticate"]);
    return (
        challenges.find(({ scheme, parameters }) => scheme === "bearer" && parameters.realm !== undefined) ??
        challenges.find(({ scheme }) => scheme === "basic")
    );
}
