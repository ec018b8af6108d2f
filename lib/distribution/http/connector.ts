import { buildConnector } from "undici";
import { hideInterimResponses } from "./interim-responses";
import { type ClientCertificate, verifiedTls } from "./tls";

/** How connections are opened. */
export interface ConnectorOptions {
    /** Milliseconds until a connection is established, TLS included. */
    readonly timeout: number;
    /** PEM of CAs to trust in addition to the public ones. */
    readonly ca: string | undefined;
    /** `host[:port]` of the registry. */
    readonly host: string;
    /** Shown to the registry's host name only, on any port. */
    readonly clientCertificate: ClientCertificate | undefined;
}

/** Opens connections for undici: TLS always verified, interim responses hidden. */
export function createConnector({ timeout, ca, ...options }: ConnectorOptions): buildConnector.connector {
    const { clientCertificate } = options;
    const registry = hostName(options.host);
    // One request, one connection: docs/architecture.md, "HTTP/1.1 only".
    const common = { timeout, allowH2: false };
    const toOthers = buildConnector({ ...common, ...verifiedTls(ca) });
    const toRegistry =
        clientCertificate === undefined
            ? toOthers
            : buildConnector({ ...common, ...verifiedTls(ca, clientCertificate) });
    return (target, callback) => {
        const connect = target.hostname === registry ? toRegistry : toOthers;
        connect(target, (...[error, socket]: Parameters<buildConnector.Callback>) => {
            if (error !== null) return callback(error, null);
            hideInterimResponses(socket);
            // An alert after the handshake (TLS 1.3) leaves the socket open, and the end that follows would hide it.
            socket.once("error", (alert) => socket.destroy(alert));
            callback(null, socket);
        });
    };
}

/** The host name of `host[:port]`, as undici gives it to a connector: an IPv6 address without brackets. */
export function hostName(host: string): string {
    return new URL(`https://${host}`).hostname.replace(/^\[|\]$/g, "");
}
