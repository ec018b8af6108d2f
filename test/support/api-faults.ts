import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Agent, type Server, createServer, request as send } from "node:https";
import type { AddressInfo } from "node:net";
import type { ApiServer } from "./api-server";

/** What happens to a request in place of being passed on and its response passed back. */
export type ApiFault =
    /** The API server does not see it; the response is a Status object as the API writes them. */
    | { readonly status: number; readonly reason: string; readonly message?: string; readonly retryAfter?: number }
    /** There is none until the proxy stops: the client has to give up. */
    | "no response"
    /** The connection ends before the API server has seen it. */
    | "connection reset"
    /** The API server has done it, and the connection ends before its response. */
    | "lost response"
    /** The connection ends within the response: after the first event of a watch, in the first body chunk of others. */
    | "cut response";

export interface FaultyRequests {
    /** Default: every method. */
    readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
    /** Path and query. */
    readonly path: RegExp;
    /** How many of them from now on; default: one. `Infinity`: all. */
    readonly times?: number;
}

export interface ProxiedRequest {
    readonly method: string;
    /** Path and query. */
    readonly path: string;
    readonly fault?: ApiFault;
}

interface Plan extends FaultyRequests {
    readonly fault: ApiFault;
    left: number;
}

/**
 * An HTTPS proxy in front of an API server that injects faults into chosen requests. Clients log in with tokens: a client
 * certificate ends at the proxy.
 */
export class ApiFaults implements AsyncDisposable {
    private readonly plans: Plan[] = [];
    private readonly agent: Agent;
    /** All requests of clients, in order. */
    readonly requests: ProxiedRequest[] = [];
    /** Is called for each request before anything happens to it. */
    watch: (request: ProxiedRequest) => void = () => undefined;

    private constructor(
        private readonly target: ApiServer,
        private readonly server: Server,
    ) {
        this.agent = new Agent({ ca: target.ca, keepAlive: true });
    }

    static async start(target: ApiServer): Promise<ApiFaults> {
        const { certificate, key } = await target.authority.issue();
        const server = createServer({ cert: certificate, key });
        const proxy = new ApiFaults(target, server);
        server.on("request", (request: IncomingMessage, response: ServerResponse) => proxy.handle(request, response));
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        return proxy;
    }

    get url(): string {
        return `https://localhost:${(this.server.address() as AddressInfo).port}`;
    }

    /** A kubeconfig of the API server, through this proxy. */
    through(kubeconfig: string): string {
        return kubeconfig.replaceAll(this.target.url, this.url);
    }

    /** The next requests that match get the fault; plans apply in the order in which they were given. */
    inject(fault: ApiFault, { times = 1, ...requests }: FaultyRequests): void {
        this.plans.push({ ...requests, fault, left: times });
    }

    /** From now on every request passes. */
    clear(): void {
        this.plans.length = 0;
    }

    async stop(): Promise<void> {
        this.server.closeAllConnections();
        this.server.close();
        this.agent.destroy();
        await once(this.server, "close");
    }

    [Symbol.asyncDispose](): Promise<void> {
        return this.stop();
    }

    private handle(request: IncomingMessage, response: ServerResponse): void {
        const { method = "", url: path = "" } = request;
        const fault = this.takeFault(method, path);
        const proxied = { method, path, ...(fault === undefined ? {} : { fault }) };
        this.requests.push(proxied);
        this.watch(proxied);
        if (fault === "no response") request.resume();
        else if (fault === "connection reset") request.socket.destroy();
        else if (typeof fault === "object") refuse(request, response, fault);
        else this.pass(request, response, fault);
    }

    private takeFault(method: string, path: string): ApiFault | undefined {
        const plan = this.plans.find(
            (one) => one.left > 0 && one.path.test(path) && (one.method === undefined || one.method === method),
        );
        if (plan !== undefined) plan.left -= 1;
        return plan?.fault;
    }

    private pass(
        request: IncomingMessage,
        response: ServerResponse,
        fault: "lost response" | "cut response" | undefined,
    ): void {
        const { method, url = "/", headers } = request;
        const outgoing = send(new URL(url, this.target.url), { method, headers, agent: this.agent }, (answer) => {
            if (fault === "lost response") {
                request.socket.destroy();
                answer.resume();
                return;
            }
            response.writeHead(answer.statusCode ?? 502, answer.headers);
            // A watch sends its header long before its first event.
            response.flushHeaders();
            if (fault === "cut response") cutAfterFirstChunk(answer, request, response);
            else answer.pipe(response);
            answer.on("error", () => request.socket.destroy());
        });
        outgoing.on("error", () => request.socket.destroy());
        response.on("close", () => outgoing.destroy());
        request.pipe(outgoing);
    }
}

/** A watch sends one event per chunk and gets the whole first one; other responses lose half of theirs. */
function cutAfterFirstChunk(answer: IncomingMessage, request: IncomingMessage, response: ServerResponse): void {
    const isWatch = /[?&]watch=(1|true)/.test(request.url ?? "");
    answer.once("data", (chunk: Buffer) => {
        const kept = isWatch ? chunk : chunk.subarray(0, Math.floor(chunk.length / 2));
        response.write(kept, () => request.socket.destroy());
    });
}

function refuse(request: IncomingMessage, response: ServerResponse, fault: Extract<ApiFault, object>): void {
    const { status, reason, message = `injected ${status}`, retryAfter } = fault;
    const body = JSON.stringify({
        kind: "Status",
        apiVersion: "v1",
        metadata: {},
        status: "Failure",
        message,
        reason,
        code: status,
        ...(retryAfter === undefined ? {} : { details: { retryAfterSeconds: retryAfter } }),
    });
    request.resume();
    response.writeHead(status, {
        "content-type": "application/json",
        ...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }),
    });
    response.end(body);
}
