import { constants } from "node:os";
import { Readable } from "node:stream";
import type { Client, ClientChannel } from "ssh2";
import { untilAborted } from "../concurrency/until-aborted";
import type { CommandResult, RunOptions } from "./command";
import { BoundedOutput } from "./bounded-output";
import type { HostConnection } from "./connection";
import { connectionLost, hostError } from "./host-error";
import { RootRights } from "./root-rights";
import { scriptCommand, shellCommand } from "./shell";

/** Commands on one host, over one connection. */
export interface HostSession {
    readonly connection: HostConnection;
    /**
     * Runs a text in `sh` and waits for its end, whatever its status is.
     * @throws PassthroughError `HOST_CONNECTION_LOST`, `HOST_SUDO_REFUSED`, `TIMEOUT`; the signal's reason; what `stdin` throws
     */
    run(command: string, options?: RunOptions): Promise<CommandResult>;
}

/** A host that does not end a command in time is given this much longer to say so. */
const GRACE_SECONDS = 15;
/** Status of timeout(1) of coreutils for a command that it has ended. */
const TIMED_OUT = 124;

/** @param signal ends every command */
export function createSession(client: Client, connection: HostConnection, signal?: AbortSignal): HostSession {
    const run = async (command: string, options: RunOptions = {}): Promise<CommandResult> => {
        const signals = [signal, options.signal].filter((one) => one !== undefined);
        const ended = signals.length === 0 ? undefined : AbortSignal.any(signals);
        ended?.throwIfAborted();
        const prefix = options.root === true ? await rights.prefix() : [];
        const started = await untilAborted(
            start(client, connection, commandLine(command, prefix, options), { ...options, signal: ended }),
            ended,
        );
        return started.result();
    };
    const rights = new RootRights(connection, run);
    return { connection, run };
}

/** The login shell may be any: only `sh` is known to read what is written for it. */
function commandLine(command: string, prefix: readonly string[], { stdin, timeoutSeconds }: RunOptions): string {
    // On the host itself: it ends also what nobody waits for any more.
    const limit = timeoutSeconds === undefined ? [] : ["timeout", "-k", "5", String(timeoutSeconds)];
    const words = shellCommand(...prefix, ...limit, ...scriptCommand(command));
    // Signals are sent on a channel whose input has not ended.
    return stdin === undefined ? `exec ${words} </dev/null` : `exec ${words}`;
}

function start(client: Client, connection: HostConnection, line: string, options: RunOptions): Promise<RunningCommand> {
    return new Promise((resolve, reject) => {
        const lost = (cause?: unknown) => reject(connectionLost(connection, cause));
        client.once("close", lost);
        try {
            client.exec(line, (error, channel) => {
                client.off("close", lost);
                // At once: the end of a short command is in the same packet.
                if (error === undefined) resolve(new RunningCommand(channel, connection, options));
                else lost(error);
            });
        } catch (error) {
            // ssh2 throws "Not connected" here.
            client.off("close", lost);
            lost(error);
        }
    });
}

class RunningCommand {
    private readonly stdout: BoundedOutput;
    private readonly stderr: BoundedOutput;
    private readonly closed: Promise<void>;
    /** Ends the wait: a host that does not answer any more closes nothing. */
    private close: () => void = () => undefined;
    private status: number | undefined;
    /** Why it was ended from here. */
    private reason: unknown;

    constructor(
        private readonly channel: ClientChannel,
        private readonly connection: HostConnection,
        private readonly options: RunOptions,
    ) {
        this.stdout = new BoundedOutput(options.output);
        this.stderr = new BoundedOutput(options.output);
        this.closed = new Promise((resolve) => (this.close = resolve));
        channel.on("data", (chunk: Buffer) => this.stdout.add(chunk));
        channel.stderr.on("data", (chunk: Buffer) => this.stderr.add(chunk));
        channel.on("exit", (code: number | null, signal?: string) => {
            this.status = code ?? 128 + signalNumber(signal);
        });
        channel.once("close", () => this.close());
        // Whatever is wrong with the channel, it closes.
        channel.on("error", () => undefined);
        channel.stderr.on("error", () => undefined);
        this.feed();
    }

    /** How it ended. */
    async result(): Promise<CommandResult> {
        const { timeoutSeconds, signal } = this.options;
        const limit = timeoutSeconds === undefined ? undefined : (timeoutSeconds + GRACE_SECONDS) * 1000;
        const timer = limit === undefined ? undefined : setTimeout(() => this.end(this.timeout()), limit);
        const abort = () => this.end(signal?.reason);
        signal?.addEventListener("abort", abort, { once: true });
        if (signal?.aborted === true) abort();
        try {
            await this.closed;
        } finally {
            clearTimeout(timer);
            signal?.removeEventListener("abort", abort);
            const { stdin } = this.options;
            if (stdin instanceof Readable)
                stdin
                    .off("error", this.failInput)
                    .on("error", () => undefined)
                    .destroy();
        }
        return this.outcome();
    }

    private outcome(): CommandResult {
        this.stdout.end();
        this.stderr.end();
        if (this.reason !== undefined) throw this.reason;
        if (this.status === undefined) throw connectionLost(this.connection);
        if (this.options.timeoutSeconds !== undefined && this.status === TIMED_OUT) throw this.timeout();
        return {
            status: this.status,
            stdout: this.stdout.text(),
            stderr: this.stderr.text(),
            isCut: this.stdout.isCut || this.stderr.isCut,
        };
    }

    /** A command may end without having read everything: its status tells. */
    private feed(): void {
        const { stdin } = this.options;
        if (stdin instanceof Readable) stdin.on("error", this.failInput).pipe(this.channel);
        else if (stdin !== undefined) this.channel.end(Buffer.from(stdin));
    }

    private readonly failInput = (error: unknown): void => this.end(error);

    /** The command may go on for a while where the server passes no signals on; the wait ends in any case. */
    private end(reason: unknown): void {
        this.reason ??= reason;
        this.channel.signal("TERM");
        this.channel.destroy();
        this.close();
    }

    private timeout(): Error {
        const { timeoutSeconds } = this.options;
        return hostError(this.connection, "TIMEOUT", `a command has not ended after ${timeoutSeconds} seconds`, {
            fix: "look at what the host is doing, and run again",
        });
    }
}

function signalNumber(name: string | undefined): number {
    const known: Readonly<Record<string, number>> = constants.signals;
    return known[`SIG${name?.replace(/^SIG/, "") ?? ""}`] ?? 0;
}
