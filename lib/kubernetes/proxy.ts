import { type Socket, connect } from "node:net";
import { errorMessage } from "../errors/errors";
import type { Credentials } from "../http/credentials";
import { requestTunnel } from "../http/connect-request";
import { withoutBrackets } from "../http/hostname";
import { secureContext } from "../http/secure-context";
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

async function connectTunnel(url: URL, { target, ca, timeout }: TunnelOptions): Promise<Socket> {
    const account = proxyAccount(url);
    const { response, socket, head } = await requestTunnel({
        ...{ proxy: url.origin, target: `${target.host}:${target.port}`, timeout },
        account: account.username === "" ? undefined : account,
        tls: () => ({ rejectUnauthorized: true, secureContext: secureContext({ ca, trust: "in addition" }) }),
        timedOut: () => timedOut(timeout),
    });
    if (response.statusCode === 200) {
        if (head.length > 0) socket.unshift(head);
        return socket;
    }
    socket.destroy();
    throw new Error(`it responded ${response.statusCode ?? 0} to CONNECT`);
}

function proxyAccount({ username, password }: URL): Credentials {
    return { username: decodeURIComponent(username), password: decodeURIComponent(password) };
}

async function socksTunnel(url: URL, { target, timeout }: TunnelOptions): Promise<Socket> {
    const host = withoutBrackets(url.hostname);
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
