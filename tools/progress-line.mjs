import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runsProviders } from "./command-line.mjs";

/** Pulumi may have written over the row, for example by scrolling: it is drawn again, in milliseconds. */
const redrawEvery = 500;

/**
 * A terminal, as far as drawing on it needs one.
 *
 * @typedef {{isTTY?: boolean, columns?: number, rows?: number, write: (text: string) => unknown}} Terminal
 */

/**
 * Runs a command of the Pulumi CLI and draws the progress of its resources on the last row of the terminal, over its full
 * width. Pulumi's own rows cut it off on terminals of up to 130 columns (docs/architecture.md).
 *
 * For a command that runs no providers, without a terminal, for output that is no table of rows (`--diff`, `--json`, `--non-interactive`), and with
 * `REGISTRY_PASSTHROUGH_PROGRESS=lines`, it only runs the command.
 *
 * @param {{args: string[], env: NodeJS.ProcessEnv}} command its arguments and its environment
 * @param {(env: NodeJS.ProcessEnv) => Promise<number>} run starts the command with this environment
 * @param {Terminal} [terminal]
 * @returns {Promise<number>} its exit code
 */
export async function withProgressLine({ args, env }, run, terminal = process.stdout) {
    const line = drawsRows(args, env, terminal) ? await ProgressLine.open(terminal) : undefined;
    if (line === undefined) return run(env);
    try {
        return await run({ ...env, REGISTRY_PASSTHROUGH_PROGRESS_SOCKET: line.socket });
    } finally {
        line.close();
    }
}

/** @param {string[]} args @param {NodeJS.ProcessEnv} env @param {Terminal} terminal @returns {boolean} */
function drawsRows(args, env, terminal) {
    const isPlain = args.some((argument) => /^(--(diff|json|non-interactive)(=.*)?|-j)$/.test(argument));
    const isCapable = terminal.isTTY === true && env.TERM !== undefined && env.TERM !== "dumb";
    return runsProviders(args) && isCapable && !isPlain && env.REGISTRY_PASSTHROUGH_PROGRESS === "row";
}

/** A Unix socket: each connection is the progress of one resource, and shown until it ends. */
class ProgressLine {
    /** @type {Map<import("node:net").Socket, string>} by connection; the one that changed last is the last */
    #texts = new Map();
    #folder = mkdtempSync(join(tmpdir(), "passthrough-"));
    #server = createServer({ allowHalfOpen: true }, (connection) => this.#follow(connection));
    /** @type {NodeJS.Timeout | undefined} */
    #timer;

    socket = join(this.#folder, "progress");

    /** @param {Terminal} terminal */
    constructor(terminal) {
        this.terminal = terminal;
    }

    /** @param {Terminal} terminal @returns {Promise<ProgressLine | undefined>} undefined if there can be no such socket */
    static async open(terminal) {
        /** @type {ProgressLine | undefined} */
        let line;
        try {
            const opened = (line = new ProgressLine(terminal));
            await new Promise((resolve, reject) => {
                opened.#server.once("error", reject).listen(opened.socket, () => resolve(undefined));
            });
            return opened;
        } catch {
            // A temporary folder that is full, or whose path is too long for a socket, is no reason not to run.
            line?.close();
            return undefined;
        }
    }

    close() {
        clearInterval(this.#timer);
        const open = [...this.#texts.keys()];
        // Emptied first: what a connection that closes leaves would be drawn again otherwise.
        this.#texts.clear();
        for (const connection of open) connection.destroy();
        if (open.length > 0) this.#write("");
        this.#server.close();
        rmSync(this.#folder, { recursive: true, force: true });
    }

    /** @param {import("node:net").Socket} connection */
    #follow(connection) {
        let rest = "";
        connection.setEncoding("utf8");
        connection.on("data", (chunk) => {
            const lines = `${rest}${chunk}`.split("\n");
            rest = lines.pop() ?? "";
            const text = lines.at(-1);
            if (text === undefined) return;
            this.#texts.delete(connection);
            this.#texts.set(connection, text);
            this.#draw();
        });
        // The other side waits for the close: the row is erased by then.
        connection.on("end", () => {
            this.#remove(connection);
            connection.end();
        });
        connection.on("error", () => {});
        connection.on("close", () => this.#remove(connection));
    }

    /** @param {import("node:net").Socket} connection */
    #remove(connection) {
        if (this.#texts.delete(connection)) this.#draw();
    }

    #draw() {
        clearInterval(this.#timer);
        const text = [...this.#texts.values()].at(-1);
        this.#write(text ?? "");
        if (text !== undefined) this.#timer = setInterval(() => this.#write(text), redrawEvery);
    }

    /**
     * Writes to the last row and puts the cursor back: Pulumi moves it in relation to where it left it. One write, so that
     * nothing comes between.
     *
     * @param {string} text
     */
    #write(text) {
        const { columns = 80, rows = 24 } = this.terminal;
        // eslint-disable-next-line no-control-regex
        const line = shortened(text.replace(/[\x00-\x1f\x7f-\x9f]/g, " "), columns - 1);
        this.terminal.write(`\x1b7\x1b[${rows};1H\x1b[2K${line}\x1b8`);
    }
}

/** @param {string} text @param {number} length @returns {string} */
function shortened(text, length) {
    return text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}…`;
}
