import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { type Server, type TlsOptions, createServer } from "node:tls";
import type { ServerCertificate } from "./certificates";

const ANSWER = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";

/** A real TLS server that records every byte it receives, and answers each connection with one 200. */
export class RecordingServer {
    private text = "";

    private constructor(
        private readonly server: Server,
        private readonly sockets: Set<Socket>,
    ) {}

    static async start(tls: ServerCertificate, options: TlsOptions = {}): Promise<RecordingServer> {
        // By default OpenSSL refuses to load weak certificates.
        const weak = { ciphers: "DEFAULT@SECLEVEL=0", ...options };
        const server = createServer({ cert: tls.certificate, key: tls.key, ...weak });
        const sockets = new Set<Socket>();
        const recording = new RecordingServer(server, sockets);
        server.on("connection", (socket: Socket) => sockets.add(socket));
        server.on("tlsClientError", () => undefined);
        server.on("secureConnection", (socket) => {
            // Clients that refuse the certificate reset the connection.
            socket.on("error", () => socket.destroy());
            socket.on("data", (chunk: Buffer) => (recording.text += chunk.toString("latin1")));
            socket.once("data", () => socket.write(ANSWER));
        });
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        return recording;
    }

    get port(): number {
        return (this.server.address() as AddressInfo).port;
    }

    get host(): string {
        return `localhost:${this.port}`;
    }

    /** Everything clients sent inside TLS. */
    get received(): string {
        return this.text;
    }

    async stop(): Promise<void> {
        for (const socket of this.sockets) socket.destroy();
        this.server.close();
        await once(this.server, "close");
    }
}
