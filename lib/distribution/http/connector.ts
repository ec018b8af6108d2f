import { buildConnector } from "undici";
import { hideInterimResponses } from "./interim-responses";
import { verifiedTls } from "./tls";

/** How connections are opened. */
export interface ConnectorOptions {
    /** Milliseconds until a connection is established, TLS included. */
    readonly timeout: number;
    /** PEM of CAs to trust in addition to the public ones. */
    readonly ca: string | undefined;
}

/** Opens connections for undici: TLS always verified, interim responses hidden. */
export function createConnector({ timeout, ca }: ConnectorOptions): buildConnector.connector {
    // One request, one connection: docs/architecture.md, "HTTP/1.1 only".
    const connect = buildConnector({ timeout, allowH2: false, ...verifiedTls(ca) });
    return (options, callback) => {
        // The types do not allow for it, but a failed connection has an error and no socket.
        connect(options, (...[error, socket]: Parameters<buildConnector.Callback>) => {
            if (error !== null) return callback(error, null);
            hideInterimResponses(socket);
            callback(null, socket);
        });
    };
}
