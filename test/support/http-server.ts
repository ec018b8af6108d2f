import { once } from "node:events";
import {
    type IncomingHttpHeaders,
    type IncomingMessage,
    type Server,
    type ServerResponse,
    createServer,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { ServerCertificate } from "./certificates";

/** One request as it came, its body read. */
export interface Seen {
    readonly method: string;
    readonly url: string;
    readonly authorization: string | undefined;
    readonly headers: IncomingHttpHeaders;
    readonly body: Buffer;
}

export interface Reply {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string | string[]>>;
    readonly body?: string | Buffer;
    /** Cut the connection after so many bytes of the body; 0: before any answer. */
    readonly cutAfter?: number;
}

/** What a request gets; one that is promised keeps it waiting. */
export type Answering = (request: Seen, count: number) => Reply | Promise<Reply>;

/** A real HTTP server whose answers a test scripts, and that remembers what it was asked. */
export class ScriptedServer {
    readonly seen: Seen[] = [];
    /** Opened so far. */
    connections = 0;

    private constructor(
        private readonly server: Server,
        private readonly port: number,
        private readonly isTls: boolean,
    ) {}

    static async start(answer: Answering, tls?: ServerCertificate): Promise<ScriptedServer> {
        const server =
            tls === undefined ? createServer() : (createTlsServer({ cert: tls.certificate, key: tls.key }) as Server);
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        const { port } = server.address() as AddressInfo;
        const scripted = new ScriptedServer(server, port, tls !== undefined);
        server.on("connection", () => scripted.connections++);
        server.on("request", (request: IncomingMessage, response: ServerResponse) => {
            void scripted.handle(request, response, answer);
        });
        return scripted;
    }

    /** Also of a server that has stopped. */
    get host(): string {
        return `localhost:${this.port}`;
    }

    get origin(): string {
        return `${this.isTls ? "https" : "http"}://${this.host}`;
    }

    async stop(): Promise<void> {
        this.server.closeAllConnections();
        this.server.close();
        await once(this.server, "close");
    }

    private async handle(request: IncomingMessage, response: ServerResponse, answer: Answering): Promise<void> {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        const { method = "", url = "", headers } = request;
        const seen = { method, url, authorization: headers.authorization, headers, body: Buffer.concat(chunks) };
        this.seen.push(seen);
        const reply = await answer(seen, this.seen.length);
        const body = Buffer.from(reply.body ?? "");
        if (reply.cutAfter === 0) {
            request.socket.destroy();
            return;
        }
        const hasLength = reply.headers?.["transfer-encoding"] === undefined;
        response.writeHead(reply.status, { ...(hasLength ? { "content-length": body.length } : {}), ...reply.headers });
        if (reply.cutAfter === undefined) response.end(method === "HEAD" ? undefined : body);
        else response.write(body.subarray(0, reply.cutAfter), () => request.socket.destroy());
    }
}
