import { repeat } from "../concurrency/retry";
import type { ErrorCode } from "../errors/codes";
import { firstWords, oneLine, parseJson } from "../errors/text";
import { basicAuthorization } from "../http/credentials";
import { retryAfterSeconds } from "./api-status";
import { ClusterError, isPassing, isPassingStatus } from "./cluster-error";
import { type Fields, isFields, textField } from "./kubeconfig-document";
import type { OidcConfig } from "./kubeconfig-oidc";
import type { ClientLimits } from "./limits";
import { LoginError } from "./login-error";
import { type ApiRequest, type ApiResponse, ClusterTransport } from "./transport";

/** What the provider issued. */
export interface RenewedTokens {
    readonly idToken: string;
    /** The next one to use; undefined: there is none. */
    readonly refreshToken: string | undefined;
}

/** The settings that a renewal needs. */
export type RenewableConfig = OidcConfig & Required<Pick<OidcConfig, "refreshToken" | "issuer" | "clientId">>;

/** What a renewal needs of the provider's discovery document. */
export interface ProviderMetadata {
    readonly tokenEndpoint: URL;
    /** Where the secret of the client is sent (OpenID Connect Core §9). */
    readonly secretIn: "header" | "body";
}

/** Of a discovery document or token response: both are a few KiB. */
const MAX_BYTES = 1024 * 1024;
/** Of an error that a provider describes. */
const MAX_SHOWN = 300;

/**
 * Renews an id-token with its refresh-token (OpenID Connect Core 1.0 §12). Sent once: a provider may accept each
 * refresh-token only once, and a lost response does not say whether it did.
 * @throws LoginError
 */
export async function renewTokens(
    config: RenewableConfig,
    metadata: ProviderMetadata,
    limits: ClientLimits,
): Promise<RenewedTokens> {
    const { refreshToken } = config;
    const url = metadata.tokenEndpoint;
    const response = await exchange(config, limits, url, tokenRequest(config, metadata)).catch((error: unknown) => {
        throw unavailable(config, url, error);
    });
    const body = parseJson(response.text);
    const fields = isFields(body) ? body : {};
    if (response.status !== 200) throw rejected(config, response.status, fields);
    const idToken = textField(fields, "id_token");
    if (idToken === undefined) {
        throw new LoginError(`the OpenID provider ${config.issuer} sent no id_token for the refresh-token`, {
            fix: "log in again with the scope openid, and check that the provider renews id-tokens",
        });
    }
    return { idToken, refreshToken: textField(fields, "refresh_token") ?? refreshToken };
}

/**
 * Reads where the provider renews tokens (OpenID Connect Discovery 1.0 §4); repeated as other reads are.
 * @throws LoginError; the signal's reason
 */
export async function discoverProvider(
    config: RenewableConfig,
    limits: ClientLimits,
    signal: AbortSignal,
): Promise<ProviderMetadata> {
    const { issuer } = config;
    const base = issuer.replace(/\/+$/, "");
    const url = secureUrl(`${base}/.well-known/openid-configuration`);
    if (url === undefined) {
        throw new LoginError("idp-issuer-url is not an https URL", { fix: "write https://<host of the provider>" });
    }
    const { status, text } = await readDocument(config, limits, url, signal);
    const document = parseJson(text);
    if (status !== 200 || !isFields(document)) throw invalid(url, `responded ${status} without a discovery document`);
    const named = textField(document, "issuer") ?? "";
    // The document of another issuer would get the refresh-token (Discovery §4.3).
    if (named.replace(/\/+$/, "") !== base) throw invalid(url, `is for the issuer ${JSON.stringify(oneLine(named))}`);
    const tokenEndpoint = secureUrl(textField(document, "token_endpoint") ?? "");
    if (tokenEndpoint === undefined) throw invalid(url, "has no token_endpoint with https");
    return { tokenEndpoint, secretIn: secretPlace(document["token_endpoint_auth_methods_supported"]) };
}

/** @throws LoginError for a provider that stays away; the signal's reason */
async function readDocument(
    config: RenewableConfig,
    limits: ClientLimits,
    url: URL,
    signal: AbortSignal,
): Promise<ApiResponse> {
    try {
        return await repeat({ policy: limits.retry, signal, mayPass: isPassing }, async () => {
            const response = await exchange(config, limits, url, { method: "GET", headers: {} }, signal);
            if (isPassingStatus(response.status)) throw busy(url, response);
            return response;
        });
    } catch (error) {
        signal.throwIfAborted();
        throw unavailable(config, url, error);
    }
}

function busy({ origin: server }: URL, { status, headers }: ApiResponse): ClusterError {
    const retryAfter = retryAfterSeconds(headers["retry-after"]);
    return new ClusterError(`it responded ${status}`, { server, status, retryAfter, code: "CLUSTER_SERVER_ERROR" });
}

function secretPlace(methods: unknown): ProviderMetadata["secretIn"] {
    const supported: unknown[] = Array.isArray(methods) ? methods : [];
    const isBodyOnly = supported.includes("client_secret_post") && !supported.includes("client_secret_basic");
    return isBodyOnly ? "body" : "header";
}

function secureUrl(text: string): URL | undefined {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    return url?.protocol === "https:" ? url : undefined;
}

function invalid(url: URL, problem: string): LoginError {
    return new LoginError(`${url.origin}${url.pathname} ${problem}`, {
        fix: "set idp-issuer-url in the kubeconfig to the issuer of the id-tokens, as the API server has it in --oidc-issuer-url",
    });
}

interface ProviderRequest {
    readonly method: ApiRequest["method"];
    readonly headers: Readonly<Record<string, string>>;
    readonly form?: URLSearchParams;
}

/** RFC 6749 §6. */
function tokenRequest(config: RenewableConfig, { secretIn }: ProviderMetadata): ProviderRequest {
    const { refreshToken, clientId, clientSecret } = config;
    const grant = { grant_type: "refresh_token", refresh_token: refreshToken };
    if (clientSecret !== undefined && secretIn === "header") {
        const authorization = clientAuthorization(clientId, clientSecret);
        return { method: "POST", headers: { authorization }, form: new URLSearchParams(grant) };
    }
    const client = { client_id: clientId, ...(clientSecret === undefined ? {} : { client_secret: clientSecret }) };
    return { method: "POST", headers: {}, form: new URLSearchParams({ ...grant, ...client }) };
}

/** The header that a client with a secret authenticates with (RFC 6749 §2.3.1). */
export function clientAuthorization(clientId: string, clientSecret: string): string {
    return basicAuthorization({ username: formEncoded(clientId), password: formEncoded(clientSecret) });
}

function formEncoded(text: string): string {
    return new URLSearchParams({ "": text }).toString().slice("=".length);
}

/** One request on a connection of its own: a renewal is rare. @throws ClusterError; the signal's reason */
async function exchange(
    { ca }: RenewableConfig,
    limits: ClientLimits,
    url: URL,
    { method, headers, form }: ProviderRequest,
    signal?: AbortSignal,
): Promise<ApiResponse> {
    const endpoint = { server: url.origin, ...(ca === undefined ? {} : { ca }) };
    const transport = new ClusterTransport(endpoint, { ...limits, responseBytes: MAX_BYTES }, "in addition");
    const request: ApiRequest = {
        ...{ method, server: url.origin, path: `${url.pathname}${url.search}`, operation: "login" },
        ...(form && { body: { type: "application/x-www-form-urlencoded", text: form.toString() } }),
    };
    try {
        return await transport.send(request, { headers }, signal);
    } finally {
        transport.close();
    }
}

const PROVIDER_FIX = "check the health and the log of the provider, then run again";

/** The error for a provider that gave no response to use. */
function unavailable({ issuer }: RenewableConfig, { host }: URL, error: unknown): unknown {
    if (!(error instanceof ClusterError)) return error;
    const fixes: Partial<Record<ErrorCode, string>> = {
        CLUSTER_TLS:
            "set idp-certificate-authority-data in the auth-provider of the kubeconfig to the CA of the provider (base64 of its PEM), and check its certificate",
        CLUSTER_UNREACHABLE: `check that ${host} can be reached from here without a proxy`,
        CLUSTER_LOGIN_REJECTED: `let ${host} respond without a client certificate, or log in with an exec plugin`,
        CLUSTER_RESPONSE_UNKNOWN: `check idp-issuer-url in the kubeconfig, and what stands in front of ${host}`,
    };
    const problem = `the OpenID provider ${issuer} did not renew the id-token: ${error.problem}`;
    return new LoginError(problem, { fix: fixes[error.code] ?? PROVIDER_FIX });
}

const CLIENT_FIX =
    "set client-id and client-secret in the auth-provider of the kubeconfig to those of the client that the refresh-token is for";
/** What the provider will say again; by the error codes of RFC 6749 §5.2. */
const FINAL: Readonly<Record<string, string>> = {
    invalid_grant:
        "log in again with kubectl and set the kubeconfig anew: a refresh-token expires, is revoked, or is accepted only once",
    invalid_client: CLIENT_FIX,
    unauthorized_client: CLIENT_FIX,
};

function rejected({ issuer }: RenewableConfig, status: number, fields: Fields): LoginError {
    const error = textField(fields, "error");
    const described = [error, textField(fields, "error_description")].filter((part) => part !== undefined).join(": ");
    const reason = described === "" ? String(status) : `${status}, ${oneLine(firstWords(described, MAX_SHOWN))}`;
    const problem = `the OpenID provider ${issuer} did not renew the id-token: ${reason}`;
    const fix = FINAL[error ?? ""];
    return fix === undefined
        ? new LoginError(problem, { fix: PROVIDER_FIX })
        : new LoginError(problem, { fix, isFinal: true });
}
