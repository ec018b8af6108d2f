import {
    type Agent,
    type ClientRequest,
    Agent as HttpAgent,
    type IncomingMessage,
    request as httpRequest,
} from "node:http";
import { Agent as HttpsAgent, type AgentOptions as HttpsAgentOptions, request as httpsRequest } from "node:https";
import { type Socket, isIP } from "node:net";
import { Duplex } from "node:stream";
import { type ConnectionOptions, checkServerIdentity, connect } from "node:tls";
import { debug } from "../debug/debug";
import { withoutBrackets } from "../http/hostname";
import { type ClientCertificate, type TrustedCas, secureContext } from "../http/secure-context";
import { ClusterError, type ClusterContext } from "./cluster-error";
import type { ClusterEndpoint } from "./kubeconfig-cluster";
import type { ClientLimits } from "./limits";
import { openTunnel } from "./proxy";
import { connectionError } from "./transport-errors";

export interface ApiRequest extends ClusterContext {
    readonly method: "GET" | "POST" | "PATCH" | "DELETE";
    /** Path and query below the server's URL: `/api/v1/nodes?limit=500`. */
    readonly path: string;
    readonly body?: { readonly type: string; readonly text: string };
}

/** What a request proves its account with. */
export interface Login {
    readonly headers: Readonly<Record<string, string | readonly string[]>>;
    readonly clientCertificate?: ClientCertificate;
}

export interface ApiResponse {
    readonly status: number;
    readonly headers: IncomingMessage["headers"];
    readonly text: string;
}

/** A client reads and writes a few objects at once. */
const MAX_SOCKETS = 8;

/** HTTP/1.1 to the API of one cluster: TLS always verified, sockets kept, sizes and times bounded. */
export class ClusterTransport {
    private agent: Agent | undefined;
    private shownCertificate: ClientCertificate | undefined;

    constructor(
        private readonly endpoint: ClusterEndpoint,
        private readonly limits: Pick<ClientLimits, "requestTimeout" | "responseBytes">,
        /** As with kubectl: the CA of the kubeconfig replaces the public ones. */
        private readonly trust: TrustedCas["trust"] = "instead",
    ) {}

    /** @throws ClusterError `CLUSTER_UNREACHABLE`, `CLUSTER_TLS`, `CLUSTER_RESPONSE_UNKNOWN`; the signal's reason */
    async send(request: ApiRequest, login: Login, signal: AbortSignal | undefined): Promise<ApiResponse> {
        signal?.throwIfAborted();
        const started = Date.now();
        try {
            const response = await this.exchange(request, login, signal);
            debug("http", () => describe(request, `${response.status} after ${Date.now() - started} ms`));
            return response;
        } catch (error) {
            signal?.throwIfAborted();
            const known = error instanceof ClusterError ? error : connectionError(request, error);
            debug("http", () => describe(request, known.message));
            throw known;
        }
    }

    /** Closes the sockets; requests under way fail. */
    close(): void {
        this.agent?.destroy();
        this.agent = undefined;
    }

    private exchange(request: ApiRequest, login: Login, signal: AbortSignal | undefined): Promise<ApiResponse> {
        return new Promise((resolve, reject) => {
            const sent = this.open(request, login);
            let reason: Error | undefined;
            const stop = (error: Error) => sent.destroy((reason = error));
            const timer = setTimeout(() => stop(this.timedOut(request)), this.limits.requestTimeout);
            const abort = () => stop(new Error("aborted"));
            signal?.addEventListener("abort", abort, { once: true });
            const end = (settle: () => void) => {
                clearTimeout(timer);
                signal?.removeEventListener("abort", abort);
                settle();
            };
            sent.on("error", (error) => end(() => reject(error)));
            sent.once("response", (response) => {
                this.read(request, response).then(
                    (read) => end(() => resolve(read)),
                    // The response itself only says that it was cut.
                    (error: unknown) => end(() => reject(reason ?? (error as Error))),
                );
            });
            sent.end(request.body?.text);
        });
    }

    private open({ method, path, body }: ApiRequest, login: Login): ClientRequest {
        const url = new URL(`${this.endpoint.server}${path}`);
        const options = {
            method,
            agent: this.agentFor(login.clientCertificate),
            maxHeaderSize: 64 * 1024,
            // The default is read from NODE_OPTIONS.
            insecureHTTPParser: false,
            headers: {
                accept: "application/json",
                "user-agent": "registry-passthrough",
                ...login.headers,
                ...(body && { "content-type": body.type, "content-length": String(Buffer.byteLength(body.text)) }),
            } as Record<string, string | string[]>,
        };
        return url.protocol === "https:" ? httpsRequest(url, options) : httpRequest(url, options);
    }

    private async read(request: ApiRequest, response: IncomingMessage): Promise<ApiResponse> {
        const chunks: Buffer[] = [];
        let size = 0;
        for await (const chunk of response as AsyncIterable<Buffer>) {
            size += chunk.length;
            if (size > this.limits.responseBytes) throw this.tooLarge(request);
            chunks.push(chunk);
        }
        const { statusCode: status = 0, headers } = response;
        return { status, headers, text: Buffer.concat(chunks).toString("utf8") };
    }

    private timedOut(request: ApiRequest): ClusterError {
        const problem = `no response within ${this.limits.requestTimeout / 1000} s`;
        const fix = "check that the API server runs and that nothing between here and it holds connections";
        return new ClusterError(problem, { ...contextOf(request), code: "CLUSTER_UNREACHABLE", fix });
    }

    private tooLarge(request: ApiRequest): ClusterError {
        return new ClusterError(`the response is larger than ${this.limits.responseBytes} bytes`, {
            ...{ ...contextOf(request), code: "CLUSTER_RESPONSE_UNKNOWN" },
            fix: "check that the server in the kubeconfig is the API of a Kubernetes cluster",
        });
    }

    /** A login plugin may renew its certificate: sockets that showed the old one are not used again. */
    private agentFor(certificate: ClientCertificate | undefined): Agent {
        if (this.agent !== undefined && this.shownCertificate?.certificate === certificate?.certificate)
            return this.agent;
        this.agent?.destroy();
        this.shownCertificate = certificate;
        const common = { keepAlive: true, maxSockets: MAX_SOCKETS };
        this.agent = this.endpoint.server.startsWith("http:")
            ? new HttpAgent(common)
            : new VerifyingAgent({ ...common, ...this.tlsOptions(certificate) }, this.tunnel());
        return this.agent;
    }

    private tunnel(): (() => Promise<Socket>) | undefined {
        const { proxyUrl, server, ca } = this.endpoint;
        if (proxyUrl === undefined) return undefined;
        const { hostname, port } = new URL(server);
        const target = { host: hostname, port: port === "" ? 443 : Number(port) };
        return () => openTunnel({ proxyUrl, target, ca, timeout: this.limits.requestTimeout });
    }

    private tlsOptions(certificate: ClientCertificate | undefined): ConnectionOptions {
        const { ca, server, tlsServerName } = this.endpoint;
        const host = withoutBrackets(new URL(server).hostname);
        const name = tlsServerName ?? host;
        return {
            // The default is read from NODE_TLS_REJECT_UNAUTHORIZED at each connection.
            rejectUnauthorized: true,
            ALPNProtocols: ["http/1.1"],
            servername: isIP(name) === 0 ? name : "",
            checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
            secureContext: secureContext({ ca, trust: this.trust }, certificate),
        };
    }
}

type TlsAgentOptions = HttpsAgentOptions & ConnectionOptions;

/** Opens connections through the proxy of the kubeconfig, if it names one. */
class VerifyingAgent extends HttpsAgent {
    constructor(
        private readonly tls: TlsAgentOptions,
        private readonly tunnel: (() => Promise<Socket>) | undefined,
    ) {
        super(tls);
    }

    override createConnection(...[options, callback]: Parameters<HttpsAgent["createConnection"]>) {
        if (this.tunnel === undefined) return super.createConnection(options, callback);
        this.tunnel().then(
            (socket) => callback?.(null, connect({ ...this.tls, socket })),
            (error: unknown) => callback?.(error as Error, new Duplex()),
        );
        return undefined;
    }
}

function contextOf({ server, operation }: ApiRequest): ClusterContext {
    return { server, operation };
}

function describe({ method, server, path }: ApiRequest, end: string): string {
    return `${method} ${server}${path}: ${end}`;
}
