import { once } from "node:events";
import { type IncomingMessage, type Server, createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, type Socket, connect } from "node:net";
import type { ServerCertificate } from "./certificates";

/** A CONNECT request as the proxy received it. */
export interface Connect {
    /** `host:port` */
    readonly target: string;
    /** The header Proxy-Authorization. */
    readonly authorization: string | undefined;
}

/** What the proxy responds with in place of connecting: the whole response. */
export type Refusal = (request: Connect) => string | undefined;

/** A real HTTP proxy for CONNECT, which resolves names by itself and remembers what went through it. */
export class ConnectProxy {
    readonly connects: Connect[] = [];
    refuse: Refusal = () => undefined;
    private readonly sockets = new Set<Socket>();

    private constructor(
        private readonly server: Server,
        private readonly scheme: "http" | "https",
        private readonly hosts: Readonly<Record<string, number>>,
    ) {}

    /**
     * @param hosts `host:port` -> port on loopback: the names that only the proxy knows
     * @param tls the proxy itself is reached with TLS
     */
    static async start(hosts: Readonly<Record<string, number>>, tls?: ServerCertificate): Promise<ConnectProxy> {
        const server =
            tls === undefined ? createServer() : (createTlsServer({ cert: tls.certificate, key: tls.key }) as Server);
        const proxy = new ConnectProxy(server, tls === undefined ? "http" : "https", hosts);
        server.on("connect", (request: IncomingMessage, socket: Socket, head: Buffer) =>
            proxy.connect(request, socket, head),
        );
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        return proxy;
    }

    get url(): string {
        return `${this.scheme}://localhost:${(this.server.address() as AddressInfo).port}`;
    }

    /** The targets, each once. */
    get targets(): string[] {
        return [...new Set(this.connects.map(({ target }) => target))];
    }

    async stop(): Promise<void> {
        for (const socket of this.sockets) socket.destroy();
        this.server.closeAllConnections();
        this.server.close();
        await once(this.server, "close");
    }

    private connect({ url: target = "", headers }: IncomingMessage, socket: Socket, head: Buffer): void {
        const request = { target, authorization: headers["proxy-authorization"] };
        this.connects.push(request);
        this.keep(socket);
        const port = this.hosts[target];
        const refusal = this.refuse(request) ?? (port === undefined ? "HTTP/1.1 502 Bad Gateway\r\n\r\n" : undefined);
        if (refusal !== undefined) {
            socket.end(refusal);
            return;
        }
        const upstream = connect(port ?? 0, "127.0.0.1");
        this.keep(upstream);
        upstream.once("connect", () => {
            socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
            upstream.write(head);
            socket.pipe(upstream).pipe(socket);
        });
        // What one end has sent before it closed still reaches the other.
        for (const end of [socket, upstream])
            end.once("close", () => [socket, upstream].map((one) => one.destroySoon()));
    }

    private keep(socket: Socket): void {
        this.sockets.add(socket);
        socket.on("error", () => socket.destroy());
        socket.once("close", () => this.sockets.delete(socket));
    }
}
