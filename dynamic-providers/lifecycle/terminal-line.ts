import * as net from "node:net";

/** The Unix socket of tools/progress-line.mjs; set by the npm scripts on a terminal. */
const SOCKET = "REGISTRY_PASSTHROUGH_PROGRESS_SOCKET";
/** A script that was stopped (Ctrl-Z) does not respond; no operation waits for it. */
const ERASE_MS = 1000;

/**
 * The progress of one resource on the last row of the terminal, drawn by the npm script that started the Pulumi CLI: the
 * engine's own rows have no space for it on a narrow terminal (docs/architecture.md).
 *
 * A connection is one row: each line of text replaces the one before, and its end erases it. Without the script nothing is
 * shown, and no failure of the connection fails an operation.
 */
export class TerminalLine {
    private socket: net.Socket | undefined;

    /** @param name the resource's name in the program, which precedes every text */
    constructor(
        private readonly name: string,
        private readonly path: string | undefined = process.env[SOCKET],
    ) {}

    /** @param text one line without control characters and secrets */
    show(text: string): void {
        if (this.path === undefined) return;
        this.socket ??= connect(this.path);
        if (!this.socket.destroyed) this.socket.write(`${this.name}: ${text}\n`);
    }

    /** Settles when the row is erased: what is printed next must not be mixed with it. */
    async erase(): Promise<void> {
        const { socket } = this;
        this.socket = undefined;
        if (socket === undefined || socket.destroyed) return;
        await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, ERASE_MS);
            socket.once("close", () => {
                clearTimeout(timer);
                resolve();
            });
            socket.end();
        });
        socket.destroy();
    }
}

function connect(path: string): net.Socket {
    const socket = net.connect({ path });
    socket.on("error", () => undefined);
    // Without a reader the end of the other side is never noticed.
    socket.resume();
    return socket.unref();
}
