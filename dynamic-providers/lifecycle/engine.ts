import * as net from "node:net";
import { credentials } from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import { withoutSecrets } from "../../lib/redaction/redaction";
import { escapedLines, oneLine } from "../../lib/errors/text";
import type { TerminalLine } from "./terminal-line";

const SEVERITIES = { info: LogSeverity.INFO, warning: LogSeverity.WARNING } as const;
const CHECK_EVERY_MS = 1000;
/** One refused connection may be a hiccup; two in a row mean that the engine has died. */
const REFUSALS = 2;

/** The engine that started this provider process. */
export class Engine {
    private readonly client: EngineClient;

    private constructor(private readonly address: string) {
        this.client = new EngineClient(address, credentials.createInsecure());
    }

    /**
     * The engine's address is the last argument of a provider process (flags of the CLI may precede it).
     * @returns undefined in any other process
     */
    static ofProcess(args: readonly string[] = process.argv): Engine | undefined {
        const last = args.at(-1) ?? "";
        return /^(127\.0\.0\.1|\[::1\]|localhost):\d+$/.test(last) ? new Engine(last) : undefined;
    }

    log(request: LogRequest, onDone: () => void): void {
        this.client.log(request, onDone);
    }

    /**
     * Calls `onGone` when the engine has died: no one would receive a result then, and a provider process left behind
     * would go on pushing beside the next run.
     */
    watch(onGone: () => void): void {
        const port = Number(this.address.slice(this.address.lastIndexOf(":") + 1));
        let refusals = 0;
        const timer = setInterval(() => {
            const socket = net.connect({ host: "127.0.0.1", port });
            socket.once("connect", () => {
                refusals = 0;
                socket.destroy();
            });
            socket.once("error", () => {
                if (++refusals < REFUSALS) return;
                clearInterval(timer);
                onGone();
            });
        }, CHECK_EVERY_MS);
        timer.unref();
    }
}

/** How lines of one resource reach the engine. */
export interface ResourceLogOptions {
    /** Absent: lines are dropped. */
    readonly engine?: Engine | undefined;
    /** Texts that no line may show: messages of a registry may contain some. */
    readonly secrets?: () => readonly string[];
    /** Shows progress at full width. */
    readonly terminalLine?: TerminalLine;
}

/**
 * Lines on one resource's row in the engine's display, in their order: each is sent when the one before has arrived.
 * A line that is lost is no reason to fail an operation.
 */
export class ResourceLog {
    private readonly waiting: LogRequest[] = [];
    private isSending = false;
    private readonly onEmpty: (() => void)[] = [];
    private isMuted = false;

    constructor(
        private readonly urn: string,
        private readonly options: ResourceLogOptions = {},
    ) {}

    /**
     * A line that stays. Without a terminal the engine prints the first line of the last message again at every step of
     * the resource, and the whole message at the end: so a warning begins on its second line.
     */
    line(severity: keyof typeof SEVERITIES, message: string): void {
        const isRepeated = severity === "warning" && process.env.REGISTRY_PASSTHROUGH_PROGRESS !== "row";
        if (!this.isMuted) this.enqueue(severity, isRepeated ? `\n${message}` : message, false);
    }

    /** True if lines are dropped: what is found out for the log alone need not be. */
    get isQuiet(): boolean {
        return this.isMuted;
    }

    /** From now on lines are dropped; progress is not. */
    mute(): void {
        this.isMuted = true;
    }

    /** A line that the next one replaces: progress. One that has not been sent yet is replaced at once. */
    status(message: string): void {
        if (this.waiting.at(-1)?.getEphemeral() === true) this.waiting.pop();
        this.options.terminalLine?.show(oneLine(this.withoutSecrets(message)));
        this.enqueue("info", message, true);
    }

    /**
     * Settles when every line has arrived: the engine may drop lines that come after an operation's result. Progress is no
     * longer shown then.
     */
    async flushed(): Promise<void> {
        await this.options.terminalLine?.erase();
        if (this.isSending) await new Promise<void>((resolve) => this.onEmpty.push(resolve));
    }

    private enqueue(severity: keyof typeof SEVERITIES, message: string, ephemeral: boolean): void {
        if (this.options.engine === undefined) return;
        const request = new LogRequest();
        request.setSeverity(SEVERITIES[severity]);
        request.setMessage(escapedLines(this.withoutSecrets(message)));
        request.setUrn(this.urn);
        request.setEphemeral(ephemeral);
        this.waiting.push(request);
        if (!this.isSending) this.sendNext();
    }

    private withoutSecrets(message: string): string {
        return withoutSecrets(message, this.options.secrets?.() ?? []);
    }

    private sendNext(): void {
        const request = this.waiting.shift();
        this.isSending = request !== undefined;
        if (request !== undefined) this.options.engine?.log(request, () => this.sendNext());
        else for (const resolve of this.onEmpty.splice(0)) resolve();
    }
}
