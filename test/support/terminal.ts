import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const POLL_MS = 50;

/** What runs in a terminal. */
export interface TerminalCommand {
    readonly argv: readonly string[];
    readonly cwd: string;
    readonly env: NodeJS.ProcessEnv;
}

export interface TerminalSize {
    readonly columns: number;
    readonly rows: number;
}

/** A command in a real terminal of a fixed size: a server of tmux of its own, without a user's settings. */
export class Terminal {
    private readonly folder = mkdtempSync(join(tmpdir(), "tmux-"));
    private readonly server = ["-u", "-S", join(this.folder, "server"), "-f", "/dev/null"];

    private constructor(readonly size: TerminalSize) {}

    static start({ argv, cwd, env }: TerminalCommand, size: TerminalSize): Terminal {
        const terminal = new Terminal(size);
        const geometry = ["-x", String(size.columns), "-y", String(size.rows)];
        const start = ["start-server", ";", "set-option", "-g", "status", "off", ";"];
        const keep = ["set-option", "-g", "remain-on-exit", "on", ";"];
        const session = ["new-session", "-d", ...geometry, "-c", cwd, "--", ...argv];
        // Inside of another tmux it would refuse to start.
        execFileSync("tmux", [...terminal.server, ...start, ...keep, ...session], { env: { ...env, TMUX: undefined } });
        return terminal;
    }

    /** What a person sees: one line of text per row. */
    async screen(): Promise<string[]> {
        return (await this.tmux("capture-pane", "-p")).split("\n").slice(0, this.size.rows);
    }

    /** The screen, and everything that has scrolled off it. */
    async history(): Promise<string> {
        return this.tmux("capture-pane", "-p", "-S", "-");
    }

    /** Settles with the screen as soon as this holds for it. @throws Error with the last screen if the command ends before */
    async shows(holds: (rows: readonly string[]) => boolean): Promise<string[]> {
        for (;;) {
            const isOver = (await this.exitCode()) !== undefined;
            const rows = await this.screen();
            if (holds(rows)) return rows;
            if (isOver) throw new Error(`the command ended before that was seen:\n${rows.join("\n")}`);
            await delay(POLL_MS);
        }
    }

    /** The process of the command. */
    async pid(): Promise<number> {
        return Number(await this.format("#{pane_pid}"));
    }

    /** Presses keys, as tmux names them: `Enter`, `C-c`. */
    async press(...keys: string[]): Promise<void> {
        await this.tmux("send-keys", ...keys);
    }

    /** Settles with the exit code of the command. */
    async ended(): Promise<number> {
        for (;;) {
            const code = await this.exitCode();
            if (code !== undefined) return code;
            await delay(POLL_MS);
        }
    }

    /** Ends what still runs. */
    async close(): Promise<void> {
        // The server may have ended with its command.
        await this.tmux("kill-server").catch(() => undefined);
        rmSync(this.folder, { recursive: true, force: true });
    }

    private async exitCode(): Promise<number | undefined> {
        const format = "#{pid} #{pane_dead} #{pane_dead_status}#{pane_dead_signal}";
        const [server, isDead, end] = (await this.format(format)).split(" ");
        if (isDead !== "1") return undefined;
        if (end === undefined) {
            // The terminal is closed a moment before the exit code is known; tmux (3.3a) may miss the signal about it.
            process.kill(Number(server), "SIGCHLD");
            return undefined;
        }
        // A signal is a name, not a number.
        return /^\d+$/.test(end) ? Number(end) : 128;
    }

    private async format(format: string): Promise<string> {
        return (await this.tmux("display-message", "-p", format)).trim();
    }

    private async tmux(...args: string[]): Promise<string> {
        const { stdout } = await run("tmux", [...this.server, ...args]);
        return stdout;
    }
}
