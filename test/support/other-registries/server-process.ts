import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";

/** A registry's own program, until `stop`. */
export class ServerProcess {
    private constructor(
        private readonly child: ChildProcess,
        private said: string,
    ) {}

    /**
     * Starts a program of PATH, and waits until it listens.
     * @param port where it will listen on loopback
     */
    static async start(program: string, args: readonly string[], port: number): Promise<ServerProcess> {
        const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
        const server = new ServerProcess(child, "");
        for (const stream of [child.stdout, child.stderr]) {
            stream.on("data", (chunk: Buffer) => (server.said += chunk.toString("utf8")));
        }
        const failed = new Promise<never>((_, reject) => {
            child.once("error", (error) =>
                reject(new Error(`no ${program} on PATH (npm test brings one)`, { cause: error })),
            );
            child.once("exit", (code) => reject(new Error(`${program} ended with ${code}:\n${server.said}`)));
        });
        failed.catch(() => undefined);
        await Promise.race([failed, listening(port)]);
        return server;
    }

    async stop(): Promise<void> {
        if (this.child.exitCode !== null || this.child.signalCode !== null) return;
        const gone = once(this.child, "exit");
        this.child.kill("SIGKILL");
        await gone;
    }
}

async function listening(port: number): Promise<void> {
    while (!(await accepts(port)));
}

function accepts(port: number): Promise<boolean> {
    return new Promise((resolve) => {
        const socket = connect(port, "127.0.0.1");
        socket.once("connect", () => {
            socket.destroy();
            resolve(true);
        });
        socket.once("error", () => setImmediate(resolve, false));
    });
}
