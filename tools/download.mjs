import { createHash } from "node:crypto";
import { createWriteStream, rmSync } from "node:fs";
import { request as plainRequest } from "node:http";
import { request as secureRequest } from "node:https";
import { pipeline } from "node:stream/promises";
import { connect as connectTls } from "node:tls";

/** @import { IncomingMessage } from "node:http" */

const connectMilliseconds = 5_000;
const silenceMilliseconds = 30_000;
const maximumRedirects = 5;
/** The defaults come from NODE_TLS_REJECT_UNAUTHORIZED and NODE_OPTIONS. @type {import("node:tls").ConnectionOptions} */
const verified = { rejectUnauthorized: true, minVersion: "TLSv1.2" };

/** What arrived is not what was pinned. Never a reason to try another way in silence. */
export class ChecksumMismatch extends Error {
    /** @override */
    name = "ChecksumMismatch";
}

/**
 * Downloads a file and checks it against its pin, if there is one. A file whose sum is wrong is removed.
 * `HTTPS_PROXY` and `NO_PROXY` are honoured, for proxies that are spoken to over plain HTTP.
 *
 * @param {string} url https (http for a mirror on the own machine)
 * @param {string} file where to
 * @param {string | undefined} sha256 hex; undefined: the caller checks the file
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<void>}
 * @throws {ChecksumMismatch} with both sums; other errors mean that the download failed
 */
export async function download(url, file, sha256, env = process.env) {
    const response = await followRedirects(new URL(url), env);
    const hash = createHash("sha256");
    response.on("data", (chunk) => hash.update(chunk));
    await pipeline(response, createWriteStream(file, { mode: 0o600 }));
    const sum = hash.digest("hex");
    if (sha256 === undefined || sum === sha256.toLowerCase()) return;
    rmSync(file, { force: true });
    throw new ChecksumMismatch(
        `what ${url} sent is not what was pinned: SHA-256 ${sum}, expected ${sha256}. It was thrown away. ` +
            "A proxy may have changed it, or the file was replaced: find out which before you change the pin in tools/tools.json",
    );
}

/** @param {URL} first @param {NodeJS.ProcessEnv} env @returns {Promise<IncomingMessage>} a 200 */
async function followRedirects(first, env) {
    let url = first;
    for (let hop = 0; hop <= maximumRedirects; hop += 1) {
        const response = await open(url, env);
        const { statusCode = 0, headers } = response;
        if (statusCode === 200) return response;
        response.destroy();
        if (statusCode < 300 || statusCode > 399 || headers.location === undefined) {
            throw new Error(`${url.href}: HTTP status ${statusCode}`);
        }
        const next = new URL(headers.location, url);
        if (url.protocol === "https:" && next.protocol !== "https:")
            throw new Error(`${url.href} redirects to plain HTTP`);
        url = next;
    }
    throw new Error(`${first.href} redirects more than ${maximumRedirects} times`);
}

/**
 * @param {URL} url
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<IncomingMessage>} the answer, its body not read yet
 */
async function open(url, env) {
    const proxy = proxyFor(url, env);
    const socket = proxy === undefined ? undefined : await tunnel(proxy, url);
    if (socket === undefined) return answer(url);
    try {
        const createConnection = () => connectTls({ ...verified, socket, servername: url.hostname });
        return await answer(url, { createConnection });
    } catch (error) {
        // A failed handshake leaves the tunnel open, which would keep this process running.
        socket.destroy();
        throw error;
    }
}

/**
 * @param {URL} url
 * @param {import("node:http").RequestOptions} [options]
 * @returns {Promise<IncomingMessage>}
 */
function answer(url, options = {}) {
    return new Promise((resolve, reject) => {
        const secure = url.protocol === "https:";
        const request = (secure ? secureRequest : plainRequest)(url, { ...verified, agent: false, ...options });
        const deadline = setTimeout(
            () => request.destroy(new Error(`${url.host} did not accept a connection within 5 s`)),
            connectMilliseconds,
        );
        request.on("socket", (socket) => {
            socket.once(secure ? "secureConnect" : "connect", () => clearTimeout(deadline));
        });
        request.setTimeout(silenceMilliseconds, () => request.destroy(new Error(`${url.host} fell silent for 30 s`)));
        request.on("close", () => clearTimeout(deadline));
        request.on("error", reject);
        request.on("response", resolve);
        request.end();
    });
}

/** @param {URL} proxy @param {URL} url @returns {Promise<import("node:net").Socket>} connected to the host of `url` */
function tunnel(proxy, url) {
    return new Promise((resolve, reject) => {
        const target = `${url.hostname}:${url.port || 443}`;
        const account = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
        const headers =
            proxy.username === ""
                ? {}
                : { "Proxy-Authorization": `Basic ${Buffer.from(account, "utf8").toString("base64")}` };
        const request = plainRequest({
            host: proxy.hostname.replace(/^\[|\]$/g, ""),
            port: proxy.port || 80,
            method: "CONNECT",
            path: target,
            headers: { Host: target, ...headers },
            agent: false,
            timeout: connectMilliseconds,
        });
        request.on("timeout", () => request.destroy(new Error(`proxy ${proxy.host} did not answer within 5 s`)));
        request.on("error", reject);
        request.on("connect", ({ statusCode }, socket) => {
            if (statusCode === 200) return resolve(socket);
            socket.destroy();
            reject(new Error(`proxy ${proxy.host} answered ${statusCode} to CONNECT ${target}`));
        });
        request.end();
    });
}

/** @param {URL} url @param {NodeJS.ProcessEnv} env @returns {URL | undefined} */
function proxyFor(url, env) {
    const address = env.HTTPS_PROXY || env.https_proxy;
    if (url.protocol !== "https:" || !address) return undefined;
    const exceptions = (env.NO_PROXY || env.no_proxy || "")
        .split(",")
        .map((entry) => entry.trim().replace(/^\*?\./, ""));
    const excepted = exceptions.some(
        (entry) => entry === "*" || (entry !== "" && (url.hostname === entry || url.hostname.endsWith(`.${entry}`))),
    );
    if (excepted) return undefined;
    const proxy = new URL(address.includes("://") ? address : `http://${address}`);
    if (proxy.protocol !== "http:")
        throw new Error(`HTTPS_PROXY is ${proxy.protocol}//…; only http:// proxies are supported`);
    return proxy;
}
