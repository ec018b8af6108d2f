import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, type Server as Listener, createServer } from "node:net";
import { type Connection, Server, type ServerChannel, utils } from "ssh2";
import type { HostConnection } from "../../lib/ssh";

/** What becomes of a command: the connection may be lost before it begins, or when it has ended and nobody was told. */
export type CommandFate = "run" | "lost-before" | "lost-after";

export interface SshServerOptions {
    /** Of the commands, which run as the user of this process; default: this process's own. */
    readonly env?: NodeJS.ProcessEnv;
    /** What is run in place of a command; default: itself. */
    readonly rewrite?: (command: string) => string;
    /** Decides about each command; default: all run. */
    readonly fate?: (command: string) => CommandFate;
}

/**
 * An SSH server (RFC 4252, 4254) on loopback that runs commands with `sh`, as sshd does with the login shell of a user. It
 * needs no package of the machine and no rights. `test/root/ssh.test.ts` has the client meet OpenSSH's sshd.
 */
export class SshServer {
    private readonly connections = new Set<Connection>();
    private readonly children = new Set<ChildProcess>();
    /** In order, as `sh` reads them. */
    readonly commands: string[] = [];
    /** The same as they arrived, for the login shell. */
    readonly lines: string[] = [];

    private constructor(
        private readonly listener: Listener,
        readonly connection: HostConnection,
        private readonly options: SshServerOptions,
    ) {}

    static async start(options: SshServerOptions = {}): Promise<SshServer> {
        const [hostKey, userKey] = [keyPair(), keyPair()];
        const server = new Server({ hostKeys: [hostKey.private] });
        // As sshd does: every command would wait for delayed acknowledgements, several times.
        const listener = createServer({ noDelay: true }, (socket) => server.injectSocket(socket));
        listener.listen(0, "127.0.0.1");
        await once(listener, "listening");
        const { port } = listener.address() as AddressInfo;
        const connection = {
            ...{ address: "127.0.0.1", port, user: "operator" },
            ...{ hostKey: hostKey.public, privateKey: userKey.private },
        };
        const started = new SshServer(listener, connection, options);
        const allowed = utils.parseKey(userKey.public);
        if (allowed instanceof Error) throw allowed;
        server.on("connection", (client) => started.serve(client, allowed.getPublicSSH()));
        return started;
    }

    /** Loses every connection. */
    disconnect(): void {
        for (const client of this.connections) client.end();
    }

    async stop(): Promise<void> {
        this.disconnect();
        for (const child of this.children) child.kill("SIGKILL");
        await new Promise<void>((resolve) => this.listener.close(() => resolve()));
    }

    private serve(client: Connection, allowed: Buffer): void {
        this.connections.add(client);
        client.on("error", () => undefined);
        client.on("close", () => this.connections.delete(client));
        client.on("authentication", (attempt) => {
            const isAllowed =
                attempt.method === "publickey" &&
                attempt.username === this.connection.user &&
                attempt.key.data.equals(allowed);
            if (isAllowed) attempt.accept();
            else attempt.reject(["publickey"]);
        });
        client.on("session", (accept) => {
            const session = accept();
            session.on("exec", (acceptCommand, _reject, { command }) => {
                const read = asShReads(command);
                this.lines.push(command);
                this.commands.push(read);
                const fate = this.options.fate?.(read) ?? "run";
                if (fate === "lost-before") client.end();
                else session.on("signal", this.execute(acceptCommand(), command, fate === "run" ? undefined : client));
            });
        });
    }

    /** @param lost the connection that is lost when the command has ended */
    private execute(channel: ServerChannel, command: string, lost: Connection | undefined) {
        // A group of its own, which sshd sends signals to.
        const child = spawn("sh", ["-c", this.options.rewrite?.(command) ?? command], {
            env: this.options.env ?? process.env,
            detached: true,
        });
        this.children.add(child);
        channel.on("error", () => undefined);
        child.stdin.on("error", () => undefined);
        channel.pipe(child.stdin);
        channel.on("close", () => child.stdin.end());
        child.stdout.pipe(channel, { end: false });
        child.stderr.pipe(channel.stderr, { end: false });
        child.on("close", (code, signal) => {
            this.children.delete(child);
            if (lost !== undefined) return lost.end();
            if (code === null) channel.exit(signal?.replace("SIG", "") ?? "KILL");
            else channel.exit(code);
            channel.close();
        });
        return (_accept: unknown, _reject: unknown, { name }: { name: string }) => {
            if (child.pid !== undefined && this.children.has(child))
                process.kill(-child.pid, `SIG${name}` as "SIGTERM");
        };
    }
}

/** With the characters that are numbers for printf(1), %b. */
function asShReads(line: string): string {
    return line.replaceAll(/\\0([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** ssh2 1.17 makes one now and then that it cannot read itself. */
function keyPair(): ReturnType<typeof utils.generateKeyPairSync> {
    for (;;) {
        const made = utils.generateKeyPairSync("ed25519");
        if (!(utils.parseKey(made.private) instanceof Error)) return made;
    }
}
