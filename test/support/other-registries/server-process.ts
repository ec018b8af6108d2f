import { type ChildProcess, spawn } from "node:child_process";
import { end, listening } from "../processes";

/** A registry's own program, until `stop`. */
export class ServerProcess {
    private constructor(private readonly child: ChildProcess) {}

    /**
     * Starts a program of PATH, and waits until it listens.
     * @param port where it will listen on loopback
     * @param env default: that of this process
     * @throws Error with what it has printed, if it ends before
     */
    static async start(
        program: string,
        args: readonly string[],
        port: number,
        env: NodeJS.ProcessEnv = process.env,
    ): Promise<ServerProcess> {
        const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env });
        let said = "";
        for (const stream of [child.stdout, child.stderr]) {
            stream.on("data", (chunk: Buffer) => (said += chunk.toString("utf8")));
        }
        await listening(child, port, () => said);
        return new ServerProcess(child);
    }

    async stop(): Promise<void> {
        await end(this.child);
    }
}
