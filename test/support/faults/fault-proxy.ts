import { once, setMaxListeners } from "node:events";
import { type ClientRequest, Agent, type IncomingMessage, type ServerResponse, request } from "node:http";
import {
    Agent as TlsAgent,
    type Server as TlsServer,
    createServer as createTlsServer,
    request as tlsRequest,
} from "node:https";
import { type AddressInfo, type Server, type Socket, createServer } from "node:net";
import { finished, pipeline } from "node:stream/promises";
import type { ServerCertificate } from "../certificates";
import { BodyCarrier } from "./body-carrier";
import type { Asked, ByteWatch, Fault, Passed } from "./fault";

/** Judges a request; undefined passes it on and back unchanged. `nth` counts all requests from 1. */
export type FaultScript = (asked: Asked, nth: number) => Fault | undefined;

/** Headers that belong to one connection (RFC 9110 §7.6.1). */
const HOP_BY_HOP = new Set(["connection", "keep-alive", "transfer-encoding", "proxy-connection", "upgrade"]);

/**
 * Stands in front of a real registry, with TLS of its own as a load balancer has it, and does to requests what a test
 * scripts. Whatever is not scripted reaches the registry and its client unchanged. Remembers what passed.
 */
export class FaultProxy {
    readonly passed: Passed[] = [];
    script: FaultScript = () => undefined;
    watch: ByteWatch = () => undefined;
    /** Settles when a request may go on: a slow way there. */
    way: (asked: Asked) => Promise<void> = () => Promise.resolve();
    private readonly connections = new Map<number, Socket>();
    private readonly held = new Set<Socket>();
    private readonly agent: Agent;
    private readonly reached = new Set<() => void>();
    private readonly stopped = new AbortController();
    private holding = false;

    private constructor(
        private readonly front: Server,
        private readonly tls: TlsServer,
        private readonly registryPort: number,
        private readonly registryCa: string | undefined,
    ) {
        // Every request that is held listens.
        setMaxListeners(0, this.stopped.signal);
        this.agent = registryCa === undefined ? new Agent({ keepAlive: true }) : new TlsAgent({ keepAlive: true });
    }

    /** @param registryCa PEM, if the registry behind it speaks TLS too */
    static async start(registryPort: number, certificate: ServerCertificate, registryCa?: string): Promise<FaultProxy> {
        const tls = createTlsServer({ cert: certificate.certificate, key: certificate.key, keepAliveTimeout: 60_000 });
        const front = createServer();
        const proxy = new FaultProxy(front, tls, registryPort, registryCa);
        front.on("connection", (socket) => proxy.accept(socket));
        tls.on("request", (request: IncomingMessage, response: ServerResponse) => void proxy.handle(request, response));
        front.listen(0, "127.0.0.1");
        await once(front, "listening");
        return proxy;
    }

    get host(): string {
        return `localhost:${(this.front.address() as AddressInfo).port}`;
    }

    /** Nothing scripted, nothing remembered. */
    clear(): void {
        this.passed.length = 0;
        this.script = () => undefined;
        this.watch = () => undefined;
        this.way = () => Promise.resolve();
        this.release();
    }

    /** New connections are taken, but no TLS is spoken on them until `release`. */
    hold(): void {
        this.holding = true;
    }

    /** Settles when at least so many connections are held. */
    async holdsConnections(least: number): Promise<number> {
        while (this.held.size < least) await new Promise<void>((resolve) => this.reached.add(resolve));
        return this.held.size;
    }

    release(): void {
        this.holding = false;
        for (const socket of this.held) this.tls.emit("connection", socket);
        this.held.clear();
    }

    /** What reached the registry and could change it. */
    writes(): Passed[] {
        return this.passed.filter(({ method, reached }) => reached && method !== "GET" && method !== "HEAD");
    }

    /** Bytes of blobs and manifests that were passed on. */
    payload(): number {
        return this.passed.reduce((sum, { bytes }) => sum + bytes, 0);
    }

    async stop(): Promise<void> {
        this.stopped.abort();
        for (const socket of this.connections.values()) socket.destroy();
        this.agent.destroy();
        this.tls.closeAllConnections();
        this.front.close();
        await once(this.front, "close");
    }

    private accept(socket: Socket): void {
        const port = socket.remotePort ?? 0;
        this.connections.set(port, socket);
        socket.on("error", () => undefined);
        socket.once("close", () => {
            this.connections.delete(port);
            this.held.delete(socket);
        });
        if (!this.holding) {
            this.tls.emit("connection", socket);
            return;
        }
        this.held.add(socket);
        for (const tell of this.reached) tell();
        this.reached.clear();
    }

    private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
        const { method = "", url = "", headers } = request;
        const passed: Passed = { method, url, headers, reached: false, bytes: 0, status: undefined, fault: undefined };
        this.passed.push(passed);
        const fault = this.script(passed, this.passed.length);
        passed.fault = fault?.kind;
        const connection = this.connections.get(request.socket.remotePort ?? 0);
        const reset = () => void connection?.resetAndDestroy();
        const carrier = new BodyCarrier(fault, this.watch, reset, this.stopped.signal);
        if (fault?.kind === "interim-responses") sendInterimResponses(response);
        if (fault?.kind === "last-answer") endAfter(request, response, fault.announced);
        try {
            await this.way(passed);
            if (fault?.kind === "answer") await answerWith(fault, passed, request, response);
            else if (fault?.kind === "black-hole") await carrier.swallow(request);
            else if (fault?.kind === "close") request.socket.end();
            else await this.pass(fault?.kind === "ask" ? fault.url : url, request, response, passed, carrier, fault);
        } catch {
            // A registry that is gone, too: its client's connection ends, as it would without a proxy.
            connection?.destroy();
        }
    }

    private ask(path: string, { method, headers }: IncomingMessage): ClientRequest {
        const { registryPort: port, agent, registryCa: ca } = this;
        const options = { port, path, agent, method, headers: { ...headers, "x-forwarded-proto": "https" } };
        return ca === undefined
            ? request({ ...options, host: "127.0.0.1" })
            : tlsRequest({ ...options, host: "127.0.0.1", servername: "localhost", ca });
    }

    private async pass(
        path: string,
        asked: IncomingMessage,
        response: ServerResponse,
        passed: Passed,
        carrier: BodyCarrier,
        fault: Fault | undefined,
    ): Promise<void> {
        passed.reached = true;
        const upstream = this.ask(path, asked);
        const answered = once(upstream, "response") as Promise<[IncomingMessage]>;
        answered.catch(() => undefined);
        // A registry may answer before it has taken everything.
        const sent = pipeline(asked, (body) => carrier.request(body as AsyncIterable<Buffer>, passed), upstream);
        const [answer] = await Promise.race([answered, sent.then(() => answered)]);
        passed.status = answer.statusCode;
        await carrier.beforeHead();
        response.writeHead(answer.statusCode ?? 502, rewritten(endToEnd(answer.rawHeaders), fault));
        response.flushHeaders();
        await pipeline(answer, (body) => carrier.answer(body as AsyncIterable<Buffer>), response);
        await sent;
    }
}

function sendInterimResponses(response: ServerResponse): void {
    response.writeContinue();
    response.writeProcessing();
    response.writeEarlyHints({ link: "</style.css>; rel=preload; as=style" });
}

/** Node.js itself says `Connection: close` and ends the connection once it is not to be kept. */
function endAfter(request: IncomingMessage, response: ServerResponse, announced: boolean): void {
    if (announced) response.shouldKeepAlive = false;
    else response.once("finish", () => request.socket.end());
}

async function answerWith(
    fault: Fault & { kind: "answer" },
    passed: Passed,
    request: IncomingMessage,
    response: ServerResponse,
): Promise<void> {
    passed.status = fault.status;
    const body = Buffer.from(fault.body ?? "");
    if (fault.unread !== true) await finished(request.resume());
    const ends = fault.unread === true ? { connection: "close" } : {};
    response.writeHead(fault.status, { "content-length": body.length, ...ends, ...fault.headers });
    response.end(request.method === "HEAD" ? undefined : body);
    // As nginx does ("lingering_close"): reading on keeps the answer from being lost with the connection.
    if (fault.unread === true) request.resume();
}

function endToEnd(raw: readonly string[]): string[] {
    const pairs: string[] = [];
    for (let at = 0; at < raw.length; at += 2) {
        const [name = "", value = ""] = raw.slice(at, at + 2);
        if (!HOP_BY_HOP.has(name.toLowerCase())) pairs.push(name, value);
    }
    return pairs;
}

function rewritten(pairs: readonly string[], fault: Fault | undefined): string[] {
    if (fault?.kind === "add-header") return [...pairs, fault.name, fault.value];
    if (fault?.kind !== "rewrite-head") return [...pairs];
    const kept: string[] = [];
    for (let at = 0; at < pairs.length; at += 2) {
        const [name = "", value = ""] = pairs.slice(at, at + 2);
        const isChanged = Object.hasOwn(fault.headers, name.toLowerCase());
        const change = fault.headers[name.toLowerCase()];
        if (!isChanged) kept.push(name, value);
        else if (change !== undefined) kept.push(name, change(value));
    }
    return kept;
}
