import { type RequestOptions, request as httpRequest } from "node:http";
import { type RequestOptions as HttpsRequestOptions, request as httpsRequest } from "node:https";
import { type Socket, connect, isIP } from "node:net";
import { type ConnectionOptions, type SecureContext, createSecureContext, rootCertificates } from "node:tls";
import { errorMessage } from "../errors/errors";
import { openSocksTunnel } from "./socks";

export interface TunnelOptions {
    /** `http:`, `https:` or `socks5:`, with its account if it has one. */
    readonly proxyUrl: string;
    /** An IPv6 address has brackets. */
    readonly target: { readonly host: string; readonly port: number };
    /** PEM of CAs to trust for a proxy with TLS, in addition to the public ones. */
    readonly ca: string | undefined;
    /** Milliseconds until the target is connected. */
    readonly timeout: number;
}

/** The proxy of a kubeconfig does not let a connection through. */
export class TunnelError extends Error {
    /** @param proxy without its account: `http://proxy.example:3128` */
    constructor(
        readonly proxy: string,
        readonly problem: string,
    ) {
        super(`the proxy ${proxy} ${problem}`);
        this.name = new.target.name;
    }
}

/** The ones of Go's TLS client; without them the environment would choose (docs/security.md). */
const CIPHERS = [
    ...["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"],
    ...["ECDHE+AESGCM", "ECDHE+CHACHA20", "ECDHE+AES", "@SECLEVEL=2"],
].join(":");

/** What is trusted and shown in TLS connections to a cluster. */
export function clusterTls(
    ca: readonly string[],
    client?: { readonly certificate: string; readonly key: string },
): SecureContext {
    return createSecureContext({
        ca: [...ca],
        ciphers: CIPHERS,
        minVersion: "TLSv1.2",
        maxVersion: "TLSv1.3",
        ...(client && { cert: client.certificate, key: client.key }),
    });
}

/**
 * Connects through the proxy: TLS with the target is verified end to end.
 * @throws TunnelError
 */
export async function openTunnel(options: TunnelOptions): Promise<Socket> {
    const url = new URL(options.proxyUrl);
    const shown = `${url.protocol}//${url.host}`;
    try {
        return await (url.protocol === "socks5:" ? socksTunnel(url, options) : connectTunnel(url, options));
    } catch (error) {
        if (error instanceof TunnelError) throw error;
        throw new TunnelError(shown, `cannot be used: ${errorMessage(error)}`);
    }
}

function connectTunnel(url: URL, { target, ca, timeout }: TunnelOptions): Promise<Socket> {
    const request = connectRequest(url, `${target.host}:${target.port}`, ca);
    return new Promise((resolve, reject) => {
        const timer = setTimeout(() => request.destroy(timedOut(timeout)), timeout);
        request.once("error", reject);
        request.once("close", () => clearTimeout(timer));
        request.once("connect", ({ statusCode }, socket, head) => {
            clearTimeout(timer);
            if (statusCode === 200) {
                if (head.length > 0) socket.unshift(head);
                resolve(socket);
                return;
            }
            socket.destroy();
            reject(new Error(`it responded ${statusCode ?? 0} to CONNECT`));
        });
        // A proxy that is none responds as a web server does.
        request.once("response", ({ statusCode }) => {
            request.destroy();
            reject(new Error(`it responded ${statusCode ?? 0} to CONNECT`));
        });
        request.end();
    });
}

function connectRequest(url: URL, path: string, ca: string | undefined) {
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const isTls = url.protocol === "https:";
    const options: RequestOptions = {
        ...{ method: "CONNECT", path, host, agent: false, maxHeaderSize: 64 * 1024, insecureHTTPParser: false },
        port: url.port === "" ? (isTls ? 443 : 80) : Number(url.port),
        headers: { host: path, "user-agent": "registry-passthrough", ...proxyAuthorization(url) },
    };
    if (!isTls) return httpRequest(options);
    const secureContext = clusterTls([...rootCertificates, ...(ca === undefined ? [] : [ca])]);
    const servername = isIP(host) === 0 ? host : "";
    const tls: ConnectionOptions = { rejectUnauthorized: true, servername, secureContext };
    return httpsRequest({ ...options, ...tls } as HttpsRequestOptions);
}

function proxyAuthorization(url: URL): Record<string, string> {
    const { username, password } = proxyAccount(url);
    if (username === "") return {};
    return { "proxy-authorization": `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` };
}

function proxyAccount({ username, password }: URL): { readonly username: string; readonly password: string } {
    return { username: decodeURIComponent(username), password: decodeURIComponent(password) };
}

async function socksTunnel(url: URL, { target, timeout }: TunnelOptions): Promise<Socket> {
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const socket = connect({ host, port: url.port === "" ? 1080 : Number(url.port) });
    const timer = setTimeout(() => socket.destroy(timedOut(timeout)), timeout);
    try {
        await openSocksTunnel(socket, target, proxyAccount(url));
        return socket;
    } catch (error) {
        socket.destroy();
        throw error;
    } finally {
        clearTimeout(timer);
    }
}

function timedOut(milliseconds: number): Error {
    return new Error(`it did not connect within ${milliseconds / 1000} s`);
}
