import { z } from "zod";
import { RegistryError } from "./errors";
import {
    type BearerToken,
    type Challenge,
    type Credentials,
    basicAuthorization,
    parseChallenges,
    readToken,
    repositoryScope,
} from "./auth";
import { type HttpAnswer, type HttpRequest, type RegistryEndpoint, Transport } from "./transport";

/** A request to the registry, before it is authorized. */
export interface RegistryRequest extends Omit<HttpRequest, "url" | "body"> {
    /** Path on the registry, or a URL it gave us (a Location). */
    readonly url: string | URL;
    /** The token scopes the request needs, as `repository:<name>:<actions>`. */
    readonly scopes: readonly string[];
    /** Made anew for every attempt, so that a body is replayed from its start. */
    readonly body?: () => Buffer | AsyncIterable<Uint8Array>;
}

const MAX_REDIRECTS = 5;

/**
 * Authorized requests to one registry: answers its challenge with Basic or a bearer token (distribution, "Token
 * Authentication Specification"), renews tokens before they end and once on a 401, follows redirects of reads.
 * Credentials are only ever sent to the registry's own origin and to the token endpoint it names.
 */
export class RegistrySession {
    private readonly transport: Transport;
    private readonly tokens = new Map<string, BearerToken>();
    private challenge: Challenge | undefined;

    constructor(
        endpoint: RegistryEndpoint,
        private readonly credentials: Credentials | undefined,
        connections: number,
    ) {
        this.transport = new Transport(endpoint, connections);
    }

    /** The answer with any status but a 401 that credentials could cure. @throws RegistryError */
    async send(request: RegistryRequest): Promise<HttpAnswer> {
        const url = new URL(request.url, this.transport.origin);
        const { answer: first, isOwn } = await this.attempt(request, url, await this.authorization(request));
        // A place we were sent to must not name the token endpoint that gets the password.
        if (first.status !== 401 || !isOwn || this.credentials === undefined) return first;
        // Most registries challenge each time; one that challenged before may have ended the token early.
        this.challenge = this.usableChallenge(first);
        await first.discard();
        this.tokens.delete(request.scopes.join(" "));
        return (await this.attempt(request, url, await this.authorization(request))).answer;
    }

    /**
     * A URL that the registry names (`what`: "a redirect"), relative to the one that was asked.
     * @throws RegistryError `UNEXPECTED_ANSWER` if it is none, `TLS` if it leads from TLS to plain HTTP
     */
    namedUrl(operation: string, what: string, text: string, from = new URL(this.transport.origin)): URL {
        if (!URL.canParse(text, from.href)) {
            throw new RegistryError(operation, `the registry names ${what} that is no URL`, {
                code: "UNEXPECTED_ANSWER",
                cure: "check the registry's external URL and what stands in front of it",
            });
        }
        const url = new URL(text, from);
        if (from.protocol === "https:" && url.protocol !== "https:") {
            throw new RegistryError(operation, `the registry names ${what} without TLS: ${url.origin}`, {
                code: "TLS",
                cure: "set the registry's external URL to https; a proxy in front of it has to send X-Forwarded-Proto: https",
            });
        }
        return url;
    }

    async close(): Promise<void> {
        await this.transport.close();
    }

    /** @returns the last answer of a chain of redirects, and whether the registry itself gave it. */
    private async attempt(
        request: RegistryRequest,
        url: URL,
        authorization: string | undefined,
    ): Promise<{ answer: HttpAnswer; isOwn: boolean }> {
        let target = url;
        for (let redirects = 0; ; redirects++) {
            const isOwn = target.origin === this.transport.origin;
            const answer = await this.transport.send({
                method: request.method,
                url: target,
                operation: request.operation,
                signal: request.signal,
                headers: {
                    ...request.headers,
                    ...(isOwn && authorization !== undefined ? { authorization } : {}),
                },
                ...(request.body === undefined ? {} : { body: request.body() }),
            });
            const location = answer.headers.location;
            const isRead = request.method === "GET" || request.method === "HEAD";
            if (!isRead || ![301, 302, 303, 307, 308].includes(answer.status) || typeof location !== "string") {
                return { answer, isOwn };
            }
            await answer.discard();
            target = this.namedUrl(request.operation, "a redirect", location, target);
            if (redirects < MAX_REDIRECTS) continue;
            throw new RegistryError(request.operation, `redirected ${redirects + 1} times, now to ${target.origin}`, {
                code: "UNEXPECTED_ANSWER",
                cure: "check what stands in front of the registry",
            });
        }
    }

    private async authorization(request: RegistryRequest): Promise<string | undefined> {
        if (this.credentials === undefined || this.challenge === undefined) return undefined;
        if (this.challenge.scheme === "basic") return basicAuthorization(this.credentials);
        return `Bearer ${await this.token(request, this.challenge, this.credentials)}`;
    }

    private usableChallenge(answer: HttpAnswer): Challenge | undefined {
        const challenges = parseChallenges(answer.headers["www-authenticate"]);
        return (
            challenges.find(({ scheme, parameters }) => scheme === "bearer" && parameters.realm !== undefined) ??
            challenges.find(({ scheme }) => scheme === "basic") ??
            this.challenge
        );
    }

    private async token(request: RegistryRequest, challenge: Challenge, credentials: Credentials): Promise<string> {
        const key = request.scopes.join(" ");
        const known = this.tokens.get(key);
        if (known !== undefined && Date.now() < known.renewAt) return known.token;
        const realm = this.namedUrl(request.operation, "a token endpoint", challenge.parameters.realm ?? "");
        if (challenge.parameters.service !== undefined) {
            realm.searchParams.set("service", challenge.parameters.service);
        }
        for (const scope of request.scopes) realm.searchParams.append("scope", scope);
        const operation = `GET ${realm.origin}${realm.pathname} (token for ${request.operation})`;
        const answer = await this.transport.send({
            method: "GET",
            url: realm,
            operation,
            signal: request.signal,
            headers: { authorization: basicAuthorization(credentials), accept: "application/json" },
        });
        const text = await answer.text();
        if (answer.status !== 200) throw registryAnswerError(operation, answer, text);
        const token = readToken(jsonOf(text), Date.now());
        if (token === undefined) {
            throw new RegistryError(operation, "the token endpoint answered 200 without a token", {
                code: "UNEXPECTED_ANSWER",
                status: 200,
            });
        }
        this.tokens.set(key, token);
        return token.token;
    }
}

/** Scopes for reading a repository. */
export function pullScopes(repository: string): readonly string[] {
    return [repositoryScope(repository, "pull")];
}

/** Scopes for writing to a repository, and for reading the one that a blob is mounted from. */
export function pushScopes(repository: string, mountFrom?: string): readonly string[] {
    const push = repositoryScope(repository, "pull,push");
    return mountFrom === undefined ? [push] : [push, repositoryScope(mountFrom, "pull")];
}

const CURES: Readonly<Record<number, string>> = {
    401: "check registryUsername and registryPassword of the stack",
    403: "give the account the right it lacks, or more quota",
    405: "the registry is read-only or does not offer this: check its mode",
    413: "raise the largest body that the registry or the proxy in front of it accepts",
};

/** The error for an answer that is not what the operation asked for; `text` is its body. */
export function registryAnswerError(operation: string, answer: HttpAnswer, text: string): RegistryError {
    const { code, message } = firstError(answer.status, text);
    const cure = CURES[answer.status];
    const retryAfter = retryAfterSeconds(answer.headers["retry-after"], Date.now());
    return new RegistryError(operation, `${code} (${answer.status})${message === undefined ? "" : `: ${message}`}`, {
        code,
        status: answer.status,
        ...(cure === undefined ? {} : { cure }),
        ...(retryAfter === undefined ? {} : { retryAfter }),
    });
}

const CODE_OF_STATUS: Readonly<Record<number, string>> = {
    401: "UNAUTHORIZED",
    403: "DENIED",
    404: "NOT_FOUND",
    413: "TOO_LARGE",
    416: "RANGE_INVALID",
    429: "TOOMANYREQUESTS",
};

/** distribution-spec, "Error Codes": `{"errors":[{code,message,detail}]}`. Anything else gets a code by status. */
function firstError(status: number, text: string): { code: string; message: string | undefined } {
    const body = errorBody.safeParse(jsonOf(text));
    const first = body.success ? body.data.errors[0] : undefined;
    return { code: first?.code ?? CODE_OF_STATUS[status] ?? "UNEXPECTED_ANSWER", message: first?.message };
}

const errorBody = z.object({
    errors: z.array(z.object({ code: z.string(), message: z.string().optional() })),
});

function jsonOf(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}

/** Retry-After as seconds from `now`: a number of seconds or an HTTP date (RFC 9110 §10.2.3). */
export function retryAfterSeconds(header: string | string[] | undefined, now: number): number | undefined {
    if (typeof header !== "string") return undefined;
    if (/^\d+$/.test(header.trim())) return Number(header);
    const date = Date.parse(header);
    return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000);
}
