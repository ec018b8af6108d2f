import { type Socket, isIP } from "node:net";
import { buildConnector } from "undici";
import { debug } from "../../debug/debug";
import type { ClientCertificate } from "../../http/secure-context";
import { hostName } from "../../http/hostname";
import { hideInterimResponses } from "./interim-responses";
import { type ProxySettings, proxyFor } from "./proxy-settings";
import { openTunnel } from "./proxy-tunnel";
import { verifiedTls } from "./tls";

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
    /** Connections with TLS go through it; undefined: they are direct. */
    readonly proxy?: ProxySettings | undefined;
    /** Gets the milliseconds of a round trip to the registry, whenever a connection with it was opened. */
    readonly opened?: ((roundTrip: number) => void) | undefined;
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
        const isRegistry = target.hostname === registry;
        const connect = isRegistry ? toRegistry : toOthers;
        let began = 0;
        let roundTrips = 0;
        const connected: buildConnector.Callback = (...[error, socket]) => {
            if (error !== null) return callback(error, null);
            if (isRegistry) options.opened?.((performance.now() - began) / roundTrips);
            hideInterimResponses(socket);
            // An alert after the handshake (TLS 1.3) leaves the socket open, and the end that follows would hide it.
            socket.once("error", (alert) => socket.destroy(alert));
            callback(null, socket);
        };
        tunnelTo(target, options.proxy, { ca, timeout })
            .then((httpSocket) => {
                began = performance.now();
                // TCP's handshake, which a tunnel has behind it, and that of TLS 1.3; TLS 1.2 takes one more.
                roundTrips = httpSocket === undefined && target.protocol === "https:" ? 2 : 1;
                connect({ ...target, ...(httpSocket === undefined ? {} : { httpSocket }) }, connected);
            })
            .catch((error: unknown) => callback(error as Error, null));
    };
}

/** A connection through the proxy for this target; undefined: it is connected with directly. @throws ProxyError */
async function tunnelTo(
    { protocol, hostname: host, port: portText }: buildConnector.Options,
    settings: ProxySettings | undefined,
    options: { readonly ca: string | undefined; readonly timeout: number },
): Promise<Socket | undefined> {
    // Plain HTTP is for loopback.
    if (protocol !== "https:") return undefined;
    const port = portText === "" ? 443 : Number(portText);
    const proxy = proxyFor(settings, { host, port });
    if (proxy === undefined) return undefined;
    const target = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
    debug("http", () => `CONNECT ${target} through the proxy ${proxy.origin}`);
    return openTunnel({ ...options, target, proxy });
}
