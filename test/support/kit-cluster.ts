import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type Server, type Socket, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { standInPlugin } from "./kubernetes-plugin";

/** Runs the stand-in with the Node.js and the packages of the kit that has installed it, below `local/pulumi-home`. */
const START = `#!/bin/sh
folder=$(dirname "$0")
[ -e "$folder/node_modules" ] || ln -s ../../../../current/node_modules "$folder/node_modules"
exec node "$folder/main.js" "$@"
`;

/** Packs the stand-in of the Kubernetes plugin as Pulumi packs the official one. */
export function packStandIn(archive: string): void {
    const folder = mkdtempSync(join(tmpdir(), "stand-in "));
    try {
        cpSync(standInPlugin(), folder, { recursive: true });
        writeFileSync(join(folder, "pulumi-resource-kubernetes"), START, { mode: 0o755 });
        execFileSync("tar", ["-czf", archive, "-C", folder, "."]);
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}

/** Runs a command in whose network namespace a port of loopback is the Unix socket: `node FILE PORT SOCKET COMMAND…`. */
const FAR_END = `
const { connect, createServer } = require("node:net");
const { spawn } = require("node:child_process");
const [port, socket, command, ...args] = process.argv.slice(2);
const server = createServer((near) => {
    const far = connect(socket);
    near.pipe(far).pipe(near);
    for (const end of [near, far]) end.on("error", () => { near.destroySoon(); far.destroySoon(); });
});
server.listen(Number(port), "127.0.0.1", () => {
    spawn(command, args, { stdio: "inherit" }).on("close", (code) => process.exit(code ?? 1));
});
`;

/**
 * Makes a port of this machine's loopback reachable in a network namespace, which has none but its own loopback: over a
 * Unix socket, at the same port.
 */
export class NamespacePort {
    private constructor(
        private readonly port: number,
        private readonly folder: string,
        private readonly server: Server,
        private readonly sockets: ReadonlySet<Socket>,
    ) {}

    /** @param folder that processes in the namespace may read */
    static async open(port: number, folder: string): Promise<NamespacePort> {
        writeFileSync(join(folder, "far-end.cjs"), FAR_END);
        const open = new Set<Socket>();
        const server = createServer((near) => {
            const far = connect(port, "127.0.0.1");
            near.pipe(far).pipe(near);
            for (const end of [near, far]) {
                open.add(end);
                end.on("error", () => undefined);
                end.on("close", () => {
                    open.delete(end);
                    // Of a response that the API server has ended, the client may not have everything yet.
                    near.destroySoon();
                    far.destroySoon();
                });
            }
        });
        server.listen(join(folder, "port.sock"));
        await once(server, "listening");
        chmodSync(join(folder, "port.sock"), 0o666);
        return new NamespacePort(port, folder, server, open);
    }

    /** A command line, for the namespace, that runs a command with the port open. */
    with(node: string, ...command: string[]): string[] {
        return [node, join(this.folder, "far-end.cjs"), String(this.port), join(this.folder, "port.sock"), ...command];
    }

    async close(): Promise<void> {
        this.server.close();
        // A client that was killed leaves connections that nothing else ends.
        for (const socket of this.sockets) socket.destroy();
        await once(this.server, "close");
    }
}
