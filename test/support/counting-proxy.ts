import { once } from "node:events";
import {
    Agent,
    type IncomingMessage,
    type Server,
    type ServerResponse,
    createServer,
    request as send,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { Reply } from "./http-server";

/** A request that came through. */
export interface Passed {
    readonly method: string;
    /** Path and query. */
    readonly path: string;
    /** Payload of its body, in bytes, as far as it came. */
    bytes: number;
    /** What the registry answered; absent if it did not. */
    status?: number;
}

/** What happens to a request in place of being passed on as it is. */
export type Detour =
    | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
    /** Passed on under another path. */
    | { readonly path: string }
    /** Answered with this once the body has come, from all of it. */
    | { readonly answer: (body: Buffer) => Promise<Reply> }
    /** The connection is reset once so many bytes of the body have come. */
    | { readonly resetAfter: number };

/**
 * An HTTP proxy in front of a registry that counts the payload of every request body: what an import has really sent,
 * whatever it says of itself.
 */
export class CountingProxy {
    private seen: Passed[] = [];
    private readonly agent = new Agent({ keepAlive: true });

    private constructor(
        private readonly server: Server,
        private readonly targetPort: number,
    ) {}

    /** Decides for each request, when its head has come, whether it takes another way. */
    detour: (request: Passed) => Detour | undefined = () => undefined;

    /** @param targetPort of a registry on loopback with plain HTTP */
    static async start(targetPort: number): Promise<CountingProxy> {
        const server = createServer();
        const proxy = new CountingProxy(server, targetPort);
        server.on("request", (request: IncomingMessage, response: ServerResponse) => proxy.pass(request, response));
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        return proxy;
    }

    get host(): string {
        return `localhost:${(this.server.address() as AddressInfo).port}`;
    }

    get requests(): readonly Passed[] {
        return this.seen;
    }

    /** Payload of all request bodies since the start, or since `forget`. */
    get bytes(): number {
        return this.seen.reduce((sum, { bytes }) => sum + bytes, 0);
    }

    forget(): void {
        this.seen = [];
    }

    async stop(): Promise<void> {
        this.server.closeAllConnections();
        this.server.close();
        this.agent.destroy();
        await once(this.server, "close");
    }

    private pass(request: IncomingMessage, response: ServerResponse): void {
        const { method = "", url = "" } = request;
        const passed: Passed = { method, path: url, bytes: 0 };
        this.seen.push(passed);
        const detour = this.detour(passed);
        if (detour !== undefined && "status" in detour) {
            passed.status = detour.status;
            request.on("data", (chunk: Buffer) => (passed.bytes += chunk.length));
            request.on("end", () => response.writeHead(detour.status, detour.headers).end(detour.body));
            return;
        }
        if (detour !== undefined && "answer" in detour) {
            void answerWith(detour.answer, request, response, passed);
            return;
        }
        const target = send({
            port: this.targetPort,
            host: "127.0.0.1",
            method,
            path: detour !== undefined && "path" in detour ? detour.path : url,
            // The Host header stays ours: the registry makes the Locations of uploads from it.
            headers: request.headers,
            agent: this.agent,
        });
        const limit = detour !== undefined && "resetAfter" in detour ? detour.resetAfter : Infinity;
        request.on("data", (chunk: Buffer) => {
            passed.bytes += chunk.length;
            if (passed.bytes < limit) return;
            request.socket.resetAndDestroy();
            target.destroy();
        });
        target.on("response", (answer) => {
            passed.status = answer.statusCode ?? 0;
            response.writeHead(passed.status, answer.headers);
            answer.pipe(response);
        });
        for (const end of [target, request, response]) {
            end.on("error", () => {
                target.destroy();
                request.socket.destroy();
            });
        }
        request.pipe(target);
    }
}

/** @param passed what is noted: the bytes that came, and the status that was answered, if one was */
async function answerWith(
    answer: (body: Buffer) => Promise<Reply>,
    request: IncomingMessage,
    response: ServerResponse,
    passed: Passed,
): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    passed.bytes = body.length;
    const reply = await answer(body);
    if (reply.cutAfter === 0) {
        request.socket.destroy();
        return;
    }
    passed.status = reply.status;
    response.writeHead(reply.status, reply.headers).end(reply.body);
}
