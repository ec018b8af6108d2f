import { type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { type Socket, isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { type Credentials, basicAuthorization } from "./credentials";
import { withoutBrackets } from "./hostname";

export interface ConnectOptions {
    /** `http:` or `https:` URL of the proxy; an account in it is not used. */
    readonly proxy: string;
    readonly account: Credentials | undefined;
    /** `host:port` to be connected with; an IPv6 address has brackets. */
    readonly target: string;
    /** TLS with an `https:` proxy, verified. */
    readonly tls: () => ConnectionOptions & { readonly rejectUnauthorized: true };
    /** Milliseconds until the proxy responds. */
    readonly timeout: number;
    /** The error for a proxy that does not. */
    readonly timedOut: () => Error;
}

/** The response to CONNECT; a tunnel if its status is 200. */
export interface ConnectResponse {
    readonly response: IncomingMessage;
    readonly socket: Socket;
    /** What followed the head of the response, taken from the socket. */
    readonly head: Buffer;
}

/**
 * Asks an HTTP proxy for a tunnel (CONNECT, RFC 9110 §9.3.6).
 * @throws the error of the connection, or `timedOut`
 */
export function requestTunnel({ timeout, timedOut, ...options }: ConnectOptions): Promise<ConnectResponse> {
    return new Promise((resolve, reject) => {
        const request = connectRequest(options);
        const timer = setTimeout(() => request.destroy(timedOut()), timeout);
        request.on("error", (error) => {
            clearTimeout(timer);
            reject(error);
        });
        request.once("connect", (response, socket, head) => {
            clearTimeout(timer);
            resolve({ response, socket, head });
        });
        request.end();
    });
}

function connectRequest({ proxy, account, target, tls }: Omit<ConnectOptions, "timeout" | "timedOut">) {
    const { protocol, hostname, port } = new URL(proxy);
    const host = withoutBrackets(hostname);
    const common = {
        host,
        port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
        ...{ method: "CONNECT", path: target, agent: false, maxHeaderSize: 64 * 1024 },
        // The default is read from NODE_OPTIONS.
        insecureHTTPParser: false,
        headers: {
            host: target,
            "user-agent": "registry-passthrough",
            ...(account === undefined ? {} : { "proxy-authorization": basicAuthorization(account) }),
        },
    };
    return protocol === "https:"
        ? httpsRequest({ ...common, servername: isIP(host) === 0 ? host : "", ...tls() })
        : httpRequest(common);
}
