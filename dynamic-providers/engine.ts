import * as net from "node:net";
import { credentials } from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";

const SEVERITIES = { info: LogSeverity.INFO, warning: LogSeverity.WARNING } as const;

/** Lines on one resource's row in the engine's display. Losing one is no reason to fail an import. */
export class ResourceLog {
    constructor(private readonly urn: string) {}

    /** A line that stays. */
    line(severity: keyof typeof SEVERITIES, message: string): void {
        this.send(severity, message, false);
    }

    /** A line that the next one replaces: progress. */
    status(message: string): void {
        this.send("info", message, true);
    }

    private send(severity: keyof typeof SEVERITIES, message: string, ephemeral: boolean): void {
        const client = engineClient();
        if (client === undefined) return;
        const request = new LogRequest();
        request.setSeverity(SEVERITIES[severity]);
        request.setMessage(message);
        request.setUrn(this.urn);
        request.setEphemeral(ephemeral);
        client.log(request, () => undefined);
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
