import { type BearerToken, readToken } from "./bearer-token";
import type { Challenge } from "./challenge";
import { type Credentials, basicAuthorization } from "../../http/credentials";
import { ScopeGroups } from "./scope-groups";
import { untilAborted } from "../../concurrency/until-aborted";
import { RegistryError } from "../../errors/errors";
import { parseJson } from "../../errors/text";
import { tokenError } from "../client/response-errors";
import type { Transport } from "../http/transport";

/** What a token is asked for. */
export interface TokenRequest {
    readonly credentials: Credentials;
    readonly challenge: Challenge;
    /** The endpoint that the challenge names. */
    readonly realm: URL;
    /** `repository:<name>:<actions>` each. */
    readonly scopes: readonly string[];
    /** What needs it, for errors. */
    readonly operation: string;
    readonly signal?: AbortSignal | undefined;
    /** Milliseconds since the epoch; a token that was given before does not do. */
    readonly notBefore?: number | undefined;
}

/**
 * The bearer tokens of one session, by scope (distribution, "Token Authentication Specification"). A token is asked for
 * once, however many requests wait for it, and renewed before it ends by our own clock, counted from its receipt.
 */
export class RegistryTokens {
    /** Scopes that share a token. */
    readonly groups = new ScopeGroups();
    private readonly tokens = new Map<string, BearerToken>();
    private readonly underWay = new Map<string, Promise<string>>();

    constructor(private readonly transport: Transport) {}

    /** @throws RegistryError if the endpoint refuses, or gives none. */
    async token(request: TokenRequest): Promise<string> {
        const scopes = this.groups.find(request.scopes);
        const key = scopes.join(" ");
        const known = this.tokens.get(key);
        const { notBefore = 0 } = request;
        if (known !== undefined && known.givenAt >= notBefore && Date.now() < known.renewAt) return known.token;
        const asked =
            this.underWay.get(key) ??
            this.fetch({ ...request, scopes })
                .then((token) => {
                    this.tokens.set(key, token);
                    return token.token;
                })
                .finally(() => this.underWay.delete(key));
        this.underWay.set(key, asked);
        try {
            return await untilAborted(asked, request.signal);
        } catch (error) {
            if (scopes === request.scopes || !isAboutScopes(error)) throw error;
            this.groups.separate(request.scopes);
            return this.token(request);
        }
    }

    /** Forgets a token that was rejected; one that has taken its place since is kept. */
    drop(scopes: readonly string[], authorization: string | undefined): void {
        const shared = this.groups.find(scopes);
        const key = shared.join(" ");
        const known = this.tokens.get(key);
        if (known !== undefined && authorization === bearer(known.token)) this.tokens.delete(key);
        // Whether it is the token's end, or its size, or one of the others in it: alone, none of these counts.
        if (shared !== scopes && isBearer(authorization)) this.groups.separate(scopes);
    }

    /** Forgets every token. */
    clear(): void {
        this.tokens.clear();
    }

    private async fetch({
        credentials,
        challenge,
        realm,
        scopes,
        operation: cause,
    }: TokenRequest): Promise<BearerToken> {
        const url = new URL(realm);
        if (challenge.parameters.service !== undefined) url.searchParams.set("service", challenge.parameters.service);
        for (const scope of scopes) url.searchParams.append("scope", scope);
        const operation = `GET ${url.origin}${url.pathname} (token for ${cause})`;
        const response = await this.transport.send({
            method: "GET",
            url,
            operation,
            account: credentials.username,
            headers: { authorization: basicAuthorization(credentials), accept: "application/json" },
        });
        const text = await response.text();
        if (response.status !== 200) throw tokenError(response, text);
        const token = readToken(parseJson(text), Date.now());
        if (token !== undefined) return token;
        throw new RegistryError("the response of the token endpoint has no token", {
            ...response.context,
            code: "UNEXPECTED_RESPONSE",
            status: 200,
            fix: "check the token server that the registry names, and what stands in front of it",
        });
    }
}

/** A rejected account, and a server in trouble, are not about what was asked for. */
function isAboutScopes(error: unknown): boolean {
    if (!(error instanceof RegistryError) || error.status === undefined) return false;
    return error.status >= 400 && error.status < 500 && error.status !== 401 && error.status !== 429;
}

/** The value of an Authorization header for a bearer token (RFC 6750 §2.1). */
export function bearer(token: string): string {
    return `Bearer ${token}`;
}

/** True for what `bearer` makes. */
export function isBearer(authorization: string | undefined): boolean {
    return authorization?.startsWith("Bearer ") === true;
}
