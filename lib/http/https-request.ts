import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { withoutBrackets } from "./hostname";
import { type TrustedCas, secureContext } from "./secure-context";

/** One request to a server that is no registry and no cluster. */
export interface SingleRequest {
    readonly method: "GET" | "HEAD" | "POST";
    /** `https:` alone. */
    readonly url: URL;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly cas: TrustedCas;
    readonly signal: AbortSignal;
}

export interface SingleResponse {
    readonly status: number;
    readonly headers: IncomingHttpHeaders;
    readonly text: string;
}

/** Until the whole response is there. */
const TIMEOUT_MS = 30_000;
/** Of a response: documents and certificates, no content. */
const LONGEST = 1024 * 1024;

/**
 * Sends one request over verified TLS, directly, and follows no redirect.
 * @throws the error of the connection; an Error if it takes longer than 30 s or the response has more than 1 MiB; the
 * signal's reason
 */
export function sendSingleRequest({ method, url, headers, body, cas, signal }: SingleRequest): Promise<SingleResponse> {
    signal.throwIfAborted();
    const host = withoutBrackets(url.hostname);
    return new Promise((resolve, reject) => {
        const request = httpsRequest({
            ...{ method, host, port: url.port === "" ? 443 : Number(url.port), path: `${url.pathname}${url.search}` },
            headers: {
                "user-agent": "registry-passthrough",
                ...headers,
                ...(body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) }),
            },
            // The default is read from NODE_OPTIONS.
            insecureHTTPParser: false,
            ...{ agent: false, signal, servername: isIP(host) === 0 ? host : "" },
            ...{ rejectUnauthorized: true, secureContext: secureContext(cas) },
        });
        const late = () => request.destroy(new Error(`no whole response from ${url.host} within 30 seconds`));
        const timer = setTimeout(late, TIMEOUT_MS);
        request.on("close", () => clearTimeout(timer));
        request.on("error", (error) => reject(signal.aborted ? (signal.reason as Error) : error));
        request.on("response", (response) => {
            readText(response).then(
                (text) => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
                reject,
            );
        });
        request.end(body);
    });
}

async function readText(response: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
        length += chunk.length;
        if (length > LONGEST) throw new Error("the response has more than 1 MiB");
        chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
}
