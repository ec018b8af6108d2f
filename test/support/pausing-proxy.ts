import { once } from "node:events";
import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";

/**
 * In the middle of the uploads of the fixture `with-mapping` (88 kB). Before the first of them up to 24 connections are opened,
 * whose TLS greetings and requests take up to 60 kB.
 */
export const AMID_UPLOADS = 95_000;

/**
 * A TCP relay in front of a registry that stops carrying bytes to it once it has carried `pauseAfter`: whoever sends is
 * then certainly in the middle of something.
 */
export class PausingProxy {
    private carried = 0;
    private readonly waiting = new Set<Socket>();
    private readonly sockets = new Set<Socket>();
    private reached!: () => void;
    /** Settles when the first byte too many has come. */
    paused!: Promise<void>;

    private constructor(
        private readonly server: Server,
        private limit: number,
    ) {
        this.pauseAfter(limit);
    }

    static async start(targetPort: number, pauseAfter: number): Promise<PausingProxy> {
        const server = createServer();
        const proxy = new PausingProxy(server, pauseAfter);
        server.on("connection", (client) => proxy.relay(client, targetPort));
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        return proxy;
    }

    get host(): string {
        return `localhost:${(this.server.address() as AddressInfo).port}`;
    }

    /** Carries so many bytes from now on, then pauses (again). */
    pauseAfter(bytes: number): void {
        this.carried = 0;
        this.limit = bytes;
        this.paused = new Promise<void>((resolve) => {
            this.reached = resolve;
        });
    }

    /** Carries everything from now on. */
    resume(): void {
        this.limit = Infinity;
        for (const socket of this.waiting) socket.resume();
        this.waiting.clear();
    }

    async stop(): Promise<void> {
        for (const socket of this.sockets) socket.destroy();
        this.server.close();
        await once(this.server, "close");
    }

    private relay(client: Socket, targetPort: number): void {
        const target = connect(targetPort, "127.0.0.1");
        for (const [socket, other] of [
            [client, target],
            [target, client],
        ] as const) {
            this.sockets.add(socket);
            socket.on("error", () => other.destroy());
            socket.on("close", () => {
                this.sockets.delete(socket);
                // What it has sent before it closed still reaches the other end.
                other.destroySoon();
            });
        }
        target.pipe(client);
        client.on("data", (chunk: Buffer) => {
            this.carried += chunk.length;
            target.write(chunk);
            if (this.carried < this.limit) return;
            client.pause();
            this.waiting.add(client);
            this.reached();
        });
    }
}
