import { repeat } from "../concurrency/retry";
import type { ErrorCode } from "../errors/codes";
import { parseJson } from "../errors/text";
import { connectionForms, withoutSecrets } from "../redaction/redaction";
import { parseStatus, statusError } from "./api-status";
import { ClusterError, isPassing } from "./cluster-error";
import type { Kubeconfig } from "./kubeconfig";
import { type Fields, isFields } from "./kubeconfig-document";
import type { ClientLimits } from "./limits";
import { ClusterLogin } from "./login";
import { type ApiRequest, type ApiResponse, ClusterTransport } from "./transport";

/** How often a request may be sent. */
export type Repeatable =
    /** It changes nothing, or nothing twice. */
    | "always"
    /** Only if the API reported that it did not process it (429). */
    | "if-refused";

export type SessionRequest = Omit<ApiRequest, "server"> & { readonly repeatable: Repeatable };

/** What errors need of the kubeconfig. */
interface KubeconfigOrigin {
    /** Where it is configured; undefined: somebody named it in a command. */
    readonly key: string | undefined;
    /** Its secrets, read from it when an error is reported. */
    readonly secrets: () => readonly string[];
}

/** Errors for which somebody may have to look at the kubeconfig. */
const OF_KUBECONFIG: ReadonlySet<ErrorCode> = new Set([
    ...(["CLUSTER_UNREACHABLE", "CLUSTER_TLS", "CLUSTER_LOGIN_REJECTED"] as const),
    ...(["CLUSTER_FORBIDDEN", "CLUSTER_RESPONSE_UNKNOWN"] as const),
]);

/** Logged-in requests to one cluster, repeated as far as that is safe. */
export class ClusterSession {
    readonly server: string;
    /** As `ClusterClient` has it. */
    clockDifference: number | undefined;
    private readonly transport: ClusterTransport;
    private readonly login: ClusterLogin;
    private readonly closed = new AbortController();
    private readonly signal: AbortSignal;

    constructor(
        kubeconfig: Kubeconfig,
        private readonly limits: ClientLimits,
        private readonly origin: KubeconfigOrigin,
        signal: AbortSignal | undefined,
    ) {
        this.server = kubeconfig.server;
        this.signal = AbortSignal.any([this.closed.signal, ...(signal ? [signal] : [])]);
        this.transport = new ClusterTransport(kubeconfig, limits);
        this.login = new ClusterLogin(kubeconfig, limits, this.signal);
    }

    /** @returns the response, whatever its status is, unless it means the login, the rights or the server's health */
    async send(request: SessionRequest): Promise<ApiResponse> {
        const { repeatable, ...rest } = request;
        const sent = { ...rest, server: this.server };
        const mayPass = (error: unknown): error is ClusterError =>
            isPassing(error) && (repeatable === "always" || error.status === 429);
        return repeat({ policy: this.limits.retry, signal: this.signal, mayPass }, async () => {
            try {
                return await this.attempt(sent);
            } catch (error) {
                throw error instanceof ClusterError ? this.reported(error) : error;
            }
        });
    }

    /** The error for a response that is not what was asked for. */
    error(request: SessionRequest, response: ApiResponse): ClusterError {
        return this.reported(statusError({ ...request, server: this.server }, response));
    }

    /** An object of a success response. @throws ClusterError `CLUSTER_RESPONSE_UNKNOWN` */
    object(request: SessionRequest, response: ApiResponse): Fields {
        if (response.status < 200 || response.status > 299) throw this.error(request, response);
        const body = parseJson(response.text);
        if (isFields(body)) return body;
        throw this.unknown(request, `${response.status} with a body that is no JSON object`);
    }

    unknown(request: SessionRequest, problem: string): ClusterError {
        const error = new ClusterError(problem, {
            ...{ server: this.server, operation: request.operation, code: "CLUSTER_RESPONSE_UNKNOWN" },
            fix: "check that the server in the kubeconfig is the API of a Kubernetes cluster, and what is in front of it",
        });
        return this.reported(error);
    }

    close(): void {
        this.closed.abort(new Error("the client of the cluster is closed"));
        this.transport.close();
    }

    private async attempt(request: ApiRequest): Promise<ApiResponse> {
        const response = await this.transport.send(request, await this.login.current(), this.signal);
        const date = Date.parse(response.headers.date ?? "");
        this.clockDifference = Number.isNaN(date) ? undefined : date - Date.now();
        if (response.status !== 401 || !this.login.isRenewable) return checked(request, response);
        // What a plugin issued may be revoked before it expires, or have no date.
        this.login.forget();
        return checked(request, await this.transport.send(request, await this.login.current(), this.signal));
    }

    /**
     * An error for people. An API may repeat in a message what was sent to it, and a login plugin what it knows: without
     * that, and with the key of the kubeconfig.
     */
    private reported({ problem, fix, server, code, operation, status, retryAfter }: ClusterError): ClusterError {
        const secrets = connectionForms([...this.origin.secrets(), ...this.login.issued]);
        const { key } = this.origin;
        const place = key !== undefined && OF_KUBECONFIG.has(code) ? ` (kubeconfig: ${key})` : "";
        // Without the cause: it may quote secrets too.
        return new ClusterError(withoutSecrets(problem, secrets), {
            ...{ server, code, operation, status, retryAfter },
            fix: fix === undefined ? undefined : `${fix}${place}`,
        });
    }
}

/** Throws for statuses that mean the same for every request. */
function checked(request: ApiRequest, response: ApiResponse): ApiResponse {
    const { status } = response;
    const isGeneral = status === 401 || status === 403 || status === 429 || status >= 500;
    if (isGeneral) throw statusError(request, response);
    return response;
}

/** True if the API says that it has no such object, and names it. */
export function isObjectMissing({ status, text }: ApiResponse, name: string): boolean {
    const found = status === 404 ? parseStatus(text) : undefined;
    return found?.reason === "NotFound" && found.name === name;
}

/** True if the path itself is unknown: a kind that is not served looks like this, and so does much else. */
export function isPathMissing({ status, text }: ApiResponse): boolean {
    if (status !== 404) return false;
    const found = parseStatus(text);
    return found === undefined ? text.trim() === "404 page not found" : found.name === undefined;
}
