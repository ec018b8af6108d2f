import { createHash } from "node:crypto";
import { untilAborted } from "../concurrency/until-aborted";
import { parseJson } from "../errors/text";
import { isFields } from "./kubeconfig-document";
import type { OidcConfig } from "./kubeconfig-oidc";
import type { ClientLimits } from "./limits";
import { LoginError } from "./login-error";
import { type RenewedTokens, clientAuthorization, discoverProvider, renewTokens } from "./oidc-renewal";

/** An id-token and when it is to be renewed. */
export interface IdToken {
    readonly token: string;
    /** Milliseconds since 1970; absent: the token does not have it. */
    readonly expires?: number;
}

/** A renewal under way, for all that wait for it. */
interface Renewal {
    readonly work: Promise<void>;
    /** Ends it, as long as the refresh-token has not been sent. */
    readonly stop: AbortController;
    waiting: number;
    isSent: boolean;
}

/** As with kubectl: a token that expires on its way would be rejected. */
const RENEWED_BEFORE = 10_000;
const LOG_IN_AGAIN =
    "log in again with kubectl and set the kubeconfig anew, or use a token, a client certificate or an exec plugin";

/**
 * The login of one auth-provider `oidc` in this process. All clients share it, since a provider may accept each
 * refresh-token only once. What it issues is kept in memory, and not written to the kubeconfig.
 */
export class OidcSession {
    private readonly secrets = new Set<string>();
    private tokens: RenewedTokens;
    private renewal: Renewal | undefined;
    private rejection: LoginError | undefined;

    constructor(private readonly config: OidcConfig) {
        this.tokens = { idToken: config.idToken ?? "", refreshToken: config.refreshToken };
        const { clientId = "", clientSecret } = config;
        if (clientSecret !== undefined)
            this.secrets.add(clientAuthorization(clientId, clientSecret).slice("Basic ".length));
    }

    /** What is sent and is not in the kubeconfig as it is sent, such as the tokens that were issued: for redaction. */
    get issued(): readonly string[] {
        return [...this.secrets];
    }

    /**
     * The id-token, renewed if it has expired or is missing.
     * @throws LoginError; the signal's reason
     */
    async current(limits: ClientLimits, signal: AbortSignal | undefined): Promise<IdToken> {
        signal?.throwIfAborted();
        const known = usableToken(this.tokens.idToken);
        if (known !== undefined) return known;
        if (this.rejection !== undefined) throw this.rejection;
        await this.waitForRenewal((this.renewal ??= this.begin(limits)), signal);
        const renewed = usableToken(this.tokens.idToken);
        if (renewed !== undefined) return renewed;
        throw new LoginError("the OpenID provider issued an id-token that has expired already", {
            fix: "set the clock of this machine and of the provider right",
        });
    }

    private begin(limits: ClientLimits): Renewal {
        const stop = new AbortController();
        const renewal: Renewal = {
            ...{ stop, waiting: 0, isSent: false },
            work: this.renew(limits, stop.signal, () => (renewal.isSent = true)).finally(() => this.forget(renewal)),
        };
        return renewal;
    }

    private async waitForRenewal(renewal: Renewal, signal: AbortSignal | undefined): Promise<void> {
        renewal.waiting++;
        try {
            await untilAborted(renewal.work, signal);
        } finally {
            renewal.waiting--;
            if (renewal.waiting === 0 && !renewal.isSent) {
                this.forget(renewal);
                renewal.stop.abort(new Error("nobody waits for the id-token"));
            }
        }
    }

    private forget(renewal: Renewal): void {
        if (this.renewal === renewal) this.renewal = undefined;
    }

    private async renew(limits: ClientLimits, signal: AbortSignal, onSend: () => void): Promise<void> {
        try {
            const { refreshToken } = this.tokens;
            const { issuer, clientId } = this.config;
            if (refreshToken === undefined || issuer === undefined || clientId === undefined) {
                throw this.notRenewable({
                    "refresh-token": refreshToken,
                    "idp-issuer-url": issuer,
                    "client-id": clientId,
                });
            }
            const config = { ...this.config, refreshToken, issuer, clientId };
            const metadata = await discoverProvider(config, limits, signal);
            signal.throwIfAborted();
            onSend();
            this.tokens = await renewTokens(config, metadata, limits);
        } catch (error) {
            if (error instanceof LoginError && error.isFinal) this.rejection = error;
            throw error;
        }
        this.secrets.add(this.tokens.idToken);
        if (this.tokens.refreshToken !== undefined) this.secrets.add(this.tokens.refreshToken);
    }

    private notRenewable(settings: Readonly<Record<string, string | undefined>>): LoginError {
        const missing = Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [name] : []));
        const expiry = readExpiry(this.tokens.idToken);
        const state =
            expiry === undefined
                ? "the auth-provider oidc has no id-token"
                : `the id-token expired at ${new Date(expiry).toISOString()}`;
        const problem = `${state}, and cannot be renewed without ${missing.join(", ")} in the kubeconfig`;
        return new LoginError(problem, { fix: LOG_IN_AGAIN, isFinal: true });
    }
}

const sessions = new Map<string, OidcSession>();

/** The session of a configuration: the same one for the same tokens. */
export function oidcSession(config: OidcConfig): OidcSession {
    const id = createHash("sha256").update(JSON.stringify(config)).digest("hex");
    const session = sessions.get(id) ?? new OidcSession(config);
    sessions.set(id, session);
    return session;
}

/** undefined if there is none or it has expired. */
function usableToken(token: string): IdToken | undefined {
    if (token === "") return undefined;
    const expiry = readExpiry(token);
    if (expiry === undefined) return { token };
    const expires = expiry - RENEWED_BEFORE;
    return Date.now() >= expires ? undefined : { token, expires };
}

/** The claim `exp` of a JWT (RFC 7519 §4.1.4), whose signature is for the API server to verify. */
function readExpiry(token: string): number | undefined {
    const [, payload = ""] = token.split(".");
    const claims = parseJson(Buffer.from(payload, "base64url").toString("utf8"));
    const exp = isFields(claims) ? claims["exp"] : undefined;
    const milliseconds = typeof exp === "number" ? exp * 1000 : NaN;
    return Number.isNaN(new Date(milliseconds).getTime()) ? undefined : milliseconds;
}
