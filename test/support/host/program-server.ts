import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, type Server, type Socket, createServer } from "node:net";
import { join } from "node:path";

/** How a program ended. */
export interface ProgramEnd {
    readonly status: number;
    readonly stdout: string;
    readonly stderr: string;
}

/** Does what a program does. @param args those of its call */
export type Program = (args: readonly string[]) => Promise<ProgramEnd>;

/**
 * Has programs of a host be functions of this process: each call is a line of bash that asks here, which takes a few
 * milliseconds, and not a process of Node.js of its own.
 */
export class ProgramServer {
    private constructor(private readonly server: Server) {}

    /** @param folder where the commands are written, one for each program */
    static async start(folder: string, programs: Readonly<Record<string, Program>>): Promise<ProgramServer> {
        const server = createServer((socket) => serve(socket, programs));
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        const { port } = server.address() as AddressInfo;
        for (const name of Object.keys(programs))
            writeFileSync(join(folder, name), callText(port, name), { mode: 0o755 });
        return new ProgramServer(server);
    }

    async stop(): Promise<void> {
        await new Promise((resolve) => this.server.close(resolve));
    }
}

/** Everything that is sent ends with a NUL: the number of words and each of them; status, output and errors. */
function callText(port: number, name: string): string {
    return `#!/bin/bash
exec 3<> /dev/tcp/127.0.0.1/${port} || exit 125
printf '%s\\0' "$(($# + 1))" ${name} "$@" >&3
IFS= read -r -d '' status <&3 && IFS= read -r -d '' out <&3 && IFS= read -r -d '' errors <&3 || exit 125
printf %s "$out"
printf %s "$errors" >&2
exit "$status"
`;
}

function serve(socket: Socket, programs: Readonly<Record<string, Program>>): void {
    let received = "";
    // A caller may be killed.
    socket.on("error", () => undefined);
    socket.setEncoding("utf8").on("data", (chunk: string) => {
        received += chunk;
        const [count, ...words] = received.split("\0").slice(0, -1);
        if (count === undefined || words.length < Number(count)) return;
        const [name = "", ...args] = words;
        void answer(programs[name], args).then(({ status, stdout, stderr }) =>
            socket.end([status, stdout, stderr, ""].join("\0")),
        );
    });
}

async function answer(program: Program | undefined, args: readonly string[]): Promise<ProgramEnd> {
    try {
        return (await program?.(args)) ?? { status: 127, stdout: "", stderr: "no such program\n" };
    } catch (error) {
        return { status: 125, stdout: "", stderr: `${String(error)}\n` };
    }
}
