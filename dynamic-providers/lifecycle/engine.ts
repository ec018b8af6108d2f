import * as net from "node:net";
import { credentials } from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import { withoutSecrets } from "../../lib/distribution/auth/redaction";

const SEVERITIES = { info: LogSeverity.INFO, warning: LogSeverity.WARNING } as const;

/**
 * Lines on one resource's row in the engine's display, in their order: each is sent when the one before has arrived.
 * Losing one is no reason to fail an import.
 */
export class ResourceLog {
    private readonly waiting: LogRequest[] = [];
    private isSending = false;
    private readonly onEmpty: (() => void)[] = [];

    /** @param secrets what no line may show: texts of a registry are in some */
    constructor(
        private readonly urn: string,
        private readonly secrets: () => readonly string[] = () => [],
    ) {}

    /** A line that stays. */
    line(severity: keyof typeof SEVERITIES, message: string): void {
        this.enqueue(severity, message, false);
    }

    /** A line that the next one replaces: progress. One that nobody has seen yet is replaced at once. */
    status(message: string): void {
        if (this.waiting.at(-1)?.getEphemeral() === true) this.waiting.pop();
        this.enqueue("info", message, true);
    }

    /** Settles when everything has arrived: what is said after an operation's answer may be heard by nobody. */
    async flushed(): Promise<void> {
        if (this.isSending) await new Promise<void>((resolve) => this.onEmpty.push(resolve));
    }

    private enqueue(severity: keyof typeof SEVERITIES, message: string, ephemeral: boolean): void {
        const request = new LogRequest();
        request.setSeverity(SEVERITIES[severity]);
        request.setMessage(withoutSecrets(message, this.secrets()));
        request.setUrn(this.urn);
        request.setEphemeral(ephemeral);
        if (engineClient() === undefined) return;
        this.waiting.push(request);
        if (!this.isSending) this.sendNext();
    }

    private sendNext(): void {
        const request = this.waiting.shift();
        this.isSending = request !== undefined;
        if (request !== undefined) engineClient()?.log(request, () => this.sendNext());
        else for (const resolve of this.onEmpty.splice(0)) resolve();
    }
}

let client: EngineClient | undefined;

function engineClient(): EngineClient | undefined {
    const address = engineAddress();
    if (address === undefined) return undefined;
    client ??= new EngineClient(address, credentials.createInsecure());
    return client;
}

/** The engine's address is the last argument of a provider process (flags of the CLI may precede it). */
function engineAddress(): string | undefined {
    const last = process.argv.at(-1) ?? "";
    return /^(127\.0\.0\.1|\[::1\]|localhost):\d+$/.test(last) ? last : undefined;
}

const CHECK_EVERY_MS = 1000;
/** One refused connection may be a hiccup; two in a row are a dead engine. */
const REFUSALS = 2;

/**
 * Calls `onGone` when the engine has died: nobody would take our answer then, and a provider left behind would go on
 * pushing beside the next run. Does nothing outside a provider process.
 */
export function watchEngine(onGone: () => void): void {
    const address = engineAddress();
    if (address === undefined) return;
    const port = Number(address.slice(address.lastIndexOf(":") + 1));
    let refusals = 0;
    const timer = setInterval(() => {
        const socket = net.connect({ host: "127.0.0.1", port });
        socket.once("connect", () => {
            refusals = 0;
            socket.destroy();
        });
        socket.once("error", () => {
            if (++refusals >= REFUSALS) {
                clearInterval(timer);
                onGone();
            }
        });
    }, CHECK_EVERY_MS);
    timer.unref();
}
