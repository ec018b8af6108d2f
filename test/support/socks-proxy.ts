import { once } from "node:events";
import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";

/** A real SOCKS5 proxy (RFC 1928, RFC 1929) that resolves the names of a test by itself. */
export class SocksProxy {
    /** `host:port` of each request. */
    readonly targets: string[] = [];
    private readonly sockets = new Set<Socket>();

    private constructor(
        private readonly server: Server,
        private readonly hosts: Readonly<Record<string, number>>,
        private readonly account: string | undefined,
    ) {}

    /**
     * @param hosts `host:port` -> port on loopback
     * @param account `user:password`, if it asks for one
     */
    static async start(hosts: Readonly<Record<string, number>>, account?: string): Promise<SocksProxy> {
        const server = createServer();
        const proxy = new SocksProxy(server, hosts, account);
        server.on("connection", (socket) => void proxy.serve(socket).catch(() => socket.destroy()));
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        return proxy;
    }

    get host(): string {
        return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    }

    async stop(): Promise<void> {
        for (const socket of this.sockets) socket.destroy();
        this.server.close();
        await once(this.server, "close");
    }

    private async serve(socket: Socket): Promise<void> {
        this.keep(socket);
        const [, count = 0] = await read(socket, 2);
        const methods = await read(socket, count);
        const wanted = this.account === undefined ? 0 : 2;
        if (!methods.includes(wanted)) return void socket.end(Buffer.from([5, 0xff]));
        socket.write(Buffer.from([5, wanted]));
        if (this.account !== undefined && !(await this.logIn(socket))) return void socket.end(Buffer.from([1, 1]));
        const [, , , type] = await read(socket, 4);
        const host =
            type === 1
                ? (await read(socket, 4)).join(".")
                : (await read(socket, (await read(socket, 1))[0] ?? 0)).toString();
        const target = `${host}:${(await read(socket, 2)).readUInt16BE()}`;
        this.targets.push(target);
        const port = this.hosts[target];
        if (port === undefined) return void socket.end(Buffer.from([5, 4, 0, 1, 0, 0, 0, 0, 0, 0]));
        const upstream = connect(port, "127.0.0.1");
        this.keep(upstream);
        await once(upstream, "connect");
        socket.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]));
        socket.pipe(upstream).pipe(socket);
    }

    private async logIn(socket: Socket): Promise<boolean> {
        const text = async () => (await read(socket, (await read(socket, 1))[0] ?? 0)).toString();
        await read(socket, 1);
        const given = `${await text()}:${await text()}`;
        if (given === this.account) socket.write(Buffer.from([1, 0]));
        return given === this.account;
    }

    private keep(socket: Socket): void {
        this.sockets.add(socket);
        socket.on("error", () => socket.destroy());
        socket.once("close", () => this.sockets.delete(socket));
    }
}

async function read(socket: Socket, length: number): Promise<Buffer> {
    for (;;) {
        const bytes = socket.read(length) as Buffer | null;
        if (bytes !== null || length === 0) return bytes ?? Buffer.alloc(0);
        if (socket.readableEnded) throw new Error("closed");
        await Promise.race([once(socket, "readable"), once(socket, "close")]);
    }
}
