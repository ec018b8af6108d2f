import { type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { type Socket, isIP } from "node:net";
import { errorMessage } from "../../errors/errors";
import { describeHtmlPage } from "../client/html-page";
import { basicAuthorization } from "../auth/credentials";
import { ProxyError } from "./proxy-error";
import type { Proxy } from "./proxy-settings";
import { verifiedTls } from "./tls";

export interface TunnelOptions {
    /** `host:port` to be connected with. */
    readonly target: string;
    readonly proxy: Proxy;
    /** PEM of CAs to trust for a proxy with TLS, in addition to the public ones. */
    readonly ca: string | undefined;
    /** Milliseconds until the proxy has connected. */
    readonly timeout: number;
}

/** Of a proxy's page, to tell its title. */
const MAX_PAGE = 16 * 1024;
/** The proxy could not reach the host: it may pass. */
const PASSING = new Set([408, 429, 500, 502, 503, 504]);

/**
 * Connects through an HTTP proxy (CONNECT, RFC 9110 §9.3.6): what is sent over the socket reaches the target, so TLS with it
 * is verified end to end.
 * @throws ProxyError
 */
export function openTunnel(options: TunnelOptions): Promise<Socket> {
    return new Promise((resolve, reject) => {
        const request = connectRequest(options);
        const timer = setTimeout(() => request.destroy(timedOut(options)), options.timeout);
        const fail = (error: unknown) => {
            clearTimeout(timer);
            reject(error instanceof ProxyError ? error : unreachable(options, error));
        };
        request.on("error", fail);
        request.once("connect", (response, socket, head) => {
            if (response.statusCode === 200) {
                clearTimeout(timer);
                if (head.length > 0) socket.unshift(head);
                resolve(socket);
                return;
            }
            void readPage(response, socket, head).then((page) => fail(refused(options, response, page)));
        });
        request.end();
    });
}

function connectRequest({ target, proxy, ca }: TunnelOptions): ClientRequest {
    const { protocol, hostname, port } = new URL(proxy.origin);
    const host = hostname.replace(/^\[|\]$/g, "");
    const common = {
        host,
        port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
        ...{ method: "CONNECT", path: target, agent: false, maxHeaderSize: 64 * 1024 },
        // The default is read from NODE_OPTIONS.
        insecureHTTPParser: false,
        headers: {
            host: target,
            "user-agent": "registry-passthrough",
            ...(proxy.credentials === undefined
                ? {}
                : { "proxy-authorization": basicAuthorization(proxy.credentials) }),
        },
    };
    return protocol === "https:"
        ? httpsRequest({ ...common, servername: isIP(host) === 0 ? host : "", ...verifiedTls(ca) })
        : httpRequest(common);
}

/** The beginning of a refusal's body. */
function readPage({ headers }: IncomingMessage, socket: Socket, head: Buffer): Promise<string> {
    const wanted = Math.min(Number(headers["content-length"] ?? MAX_PAGE), MAX_PAGE);
    return new Promise((resolve) => {
        let page = head;
        const done = () => {
            socket.destroy();
            resolve(page.toString("utf8"));
        };
        // Without a length the end of a page is not known: what came with the head has its title.
        if (page.length >= wanted || headers["content-length"] === undefined) {
            done();
            return;
        }
        socket.on("data", (chunk: Buffer) => {
            page = Buffer.concat([page, chunk]);
            if (page.length >= wanted) done();
        });
        socket.once("error", done);
        socket.once("close", done);
    });
}

function refused({ target, proxy }: TunnelOptions, { statusCode = 0 }: IncomingMessage, page: string): ProxyError {
    const named = `the proxy ${proxy.origin}`;
    const facts = { status: statusCode };
    if (statusCode === 407) {
        const what = proxy.credentials === undefined ? "asks for an account" : "rejected the account";
        const account = proxy.credentials === undefined ? "" : ` ${proxy.credentials.username}`;
        return new ProxyError(`${named} ${what}${account} to connect to ${target}`, {
            ...{ ...facts, code: "PROXY_REJECTED" },
            fix: "set proxyUsername and the secret proxyPassword to an account that the proxy accepts (Basic authentication)",
        });
    }
    const html = describeHtmlPage(page);
    const shown = html === undefined ? "" : ` and ${html}`;
    const problem = `${named} did not connect to ${target}: it responded ${statusCode}${shown}`;
    if (PASSING.has(statusCode)) {
        const fix = `check that ${target} can be reached and its name be resolved from the proxy`;
        return new ProxyError(problem, { ...facts, code: "NETWORK", fix });
    }
    return new ProxyError(problem, {
        ...{ ...facts, code: "PROXY_REJECTED" },
        fix:
            `let the proxy allow CONNECT to ${target} without a login page (squid: SSL_ports, http_access), check that ` +
            "site.registry.proxy names a proxy, or go around it (NO_PROXY with site.registry.proxy: environment)",
    });
}

function timedOut({ target, proxy, timeout }: TunnelOptions): ProxyError {
    const problem = `the proxy ${proxy.origin} did not connect to ${target} in ${timeout / 1000} s`;
    return new ProxyError(problem, { code: "TIMEOUT", fix: `check that the proxy runs and that it reaches ${target}` });
}

function unreachable({ target, proxy }: TunnelOptions, error: unknown): ProxyError {
    const { code } = error as { readonly code?: unknown };
    const reason = typeof code === "string" ? code : errorMessage(error);
    const isTls = /CERT|SIGNED|SSL|TLS|ISSUER|EPROTO/.test(reason);
    return new ProxyError(
        `no connection to the proxy ${proxy.origin}, which ${target} is reached through (${reason})`,
        {
            code: isTls || reason.startsWith("HPE_") ? "PROXY_FAILED" : "NETWORK",
            fix: isTls
                ? "check that the proxy speaks TLS there (else write http:// in site.registry.proxy), and give the CA of its certificate in site.registry.ca"
                : "check that the proxy runs, and its host and port in site.registry.proxy",
            cause: error,
        },
    );
}
